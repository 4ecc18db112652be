"""What a release changes in Triton's `config.pbtxt`: which versions serve, and their cards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from training.export.repository import CONFIG_FILE
from training.release.errors import ReleaseError
from training.release.store import Store

# How a service, which sees no files, learns what a version is (docs/decisions/0003).
CARD_PARAMETER = "model_card_{}"
# Names the pointer that distributes the traffic; without the pointer nothing is served.
POINTER_PARAMETER = "traffic_pointer"


def read_config(store: Store, model: str) -> model_config_pb2.ModelConfig:
    """Parse a model's configuration.

    Raises:
        ReleaseError: there is none, or it cannot be parsed.
    """
    path = f"{model}/{CONFIG_FILE}"
    try:
        return text_format.Parse(store.read(path).decode(), model_config_pb2.ModelConfig())
    except FileNotFoundError as error:
        raise ReleaseError(f"{store.url} has no {path}; there are: {_names(store)}") from error
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise ReleaseError(f"{store.url}/{path} is not a configuration: {error}") from error


def render(
    config: model_config_pb2.ModelConfig,
    cards: Mapping[int, str],
    serving: Sequence[int],
    pointer: str | None,
) -> bytes:
    """The configuration that serves these versions.

    Args:
        config: its tensors and instances are kept.
        cards: the model card, as one line of JSON, of each version to be served.
        serving: the versions.
        pointer: name of the model that distributes the traffic; None for parts of a model.
    """
    new = model_config_pb2.ModelConfig()
    new.CopyFrom(config)
    for name in [name for name in new.parameters if name.startswith(CARD_PARAMETER.format(""))]:
        del new.parameters[name]
    for version in sorted(serving):
        new.parameters[CARD_PARAMETER.format(version)].string_value = cards[version]
    if pointer:
        new.parameters[POINTER_PARAMETER].string_value = pointer
    new.version_policy.Clear()
    new.version_policy.specific.versions.extend(sorted(serving))
    return text(new)


def text(config: model_config_pb2.ModelConfig) -> bytes:
    """Protobuf's text format."""
    return str(text_format.MessageToString(config, as_utf8=True)).encode()


def _names(store: Store) -> str:
    return ", ".join(store.models()) or "no models"

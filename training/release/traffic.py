"""Who gets the traffic: the stable version, and of a canary the candidate's share.

That is kept where every service finds it without a key, and where changing it costs Triton nothing:
in a pointer, the model `<name>_traffic`. It is an ensemble of one step, which runs the stable
version; Triton loads such a model in milliseconds and without a process. Services read its
parameter `traffic` (see `services/common/triton/traffic.py`); who asks Triton for the pointer
itself gets the stable version.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Self

from tritonclient.grpc import model_config_pb2

from training.export.repository import CONFIG_FILE, ENSEMBLE_FILE, ENSEMBLE_README
from training.release.config import read_config, text
from training.release.errors import ReleaseError
from training.release.store import Store

SUFFIX = "_traffic"
PARAMETER = "traffic"


@dataclass(frozen=True)
class Traffic:
    """How a model's traffic is divided.

    Attributes:
        stable: the version that serves whatever is not the candidate's.
        candidate: the version that may become stable, once it is published.
        share: of the traffic that the candidate gets, 0 to 1.
        previous: the version that was stable before, kept loaded for a rollback.
    """

    stable: int
    candidate: int | None = None
    share: float = 0.0
    previous: int | None = None

    @property
    def serving(self) -> list[int]:
        """The versions that Triton keeps loaded; two at most."""
        second = self.previous if self.candidate is None else self.candidate
        return sorted({self.stable, *([] if second is None else [second])})

    @classmethod
    def from_json(cls, content: str) -> Self:
        """Read what `to_json` wrote."""
        return cls(**json.loads(content))

    def to_json(self) -> str:
        """One line, with sorted keys."""
        return json.dumps(asdict(self), sort_keys=True)


def pointer_of(model: str) -> str:
    """The name of a model's pointer."""
    return model + SUFFIX


def read_traffic(store: Store, model: str) -> Traffic | None:
    """How the traffic is divided; None if no release of this model was ever published."""
    pointer = pointer_of(model)
    if pointer not in store.models():
        return None
    return Traffic.from_json(read_config(store, pointer).parameters[PARAMETER].string_value)


def known_traffic(store: Store, model: str) -> Traffic:
    """As `read_traffic`.

    Raises:
        ReleaseError: no release of this model was ever published.
    """
    traffic = read_traffic(store, model)
    if traffic is None:
        raise ReleaseError(
            f"{store.url} has no releases of {model}: publish one with `anime-gan models publish`"
        )
    return traffic


def write_traffic(store: Store, model: str, traffic: Traffic) -> None:
    """Write the pointer. It has effect when Triton loads it."""
    pointer = pointer_of(model)
    store.replace(f"{pointer}/{ENSEMBLE_FILE}", ENSEMBLE_README)
    store.replace(f"{pointer}/{CONFIG_FILE}", text(_ensemble(read_config(store, model), traffic)))


def _ensemble(
    config: model_config_pb2.ModelConfig, traffic: Traffic
) -> model_config_pb2.ModelConfig:
    """A model with the tensors of `config` that runs its stable version."""
    ensemble = model_config_pb2.ModelConfig(
        name=pointer_of(config.name),
        platform="ensemble",
        max_batch_size=config.max_batch_size,
        input=config.input,
        output=config.output,
    )
    step = ensemble.ensemble_scheduling.step.add(
        model_name=config.name, model_version=traffic.stable
    )
    step.input_map.update({tensor.name: tensor.name for tensor in config.input})
    step.output_map.update({tensor.name: tensor.name for tensor in config.output})
    ensemble.parameters[PARAMETER].string_value = traffic.to_json()
    return ensemble

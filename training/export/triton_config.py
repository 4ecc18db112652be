"""Triton's `config.pbtxt`, complete: a server that has to guess takes twice as long to start."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from training.export.model import ANY, ServedModel, TensorSpec

MAX_BATCH = 64
# Whoever waits while all instances work is joined anyway. A delay on top merges the requests that
# two idle instances would have shared: one core then does the work of two.
#
# Where a request chooses the size Triton joins nothing: services send together what has one shape,
# and a thread of Triton's batcher was seen to spin while requests waited: up to 125 ms of a core
# for each picture of 256x256 pixels that waifu2x's cunet enlarged. Without it there were 13 % more.
_BATCHING = "dynamic_batching { max_queue_delay_microseconds: 0 }"
MODEL_FILE = "model.onnx"
NATIVE_FILE = "model.native.onnx"  # the name that our back end derives from the other one
NATIVE_CONVOLUTIONS = "native_convolutions"
NEWEST = "version_policy { latest { num_versions: 1 } }"
_POLICY = re.compile(r"version_policy\s*:?\s*\{\s*(\w+)\s*:?\s*\{[^{}]*\}\s*\}")


def version_policy(config: str) -> str:
    """Which versions a configuration lets Triton serve, as it is written there."""
    found = _POLICY.search(config)
    return found[0] if found else NEWEST


def names_versions(config: str) -> bool:
    """Whether a configuration names the versions to serve: a release has written it."""
    found = _POLICY.search(config)
    return found is not None and found[1] == "specific"


def render(model: ServedModel, cards: Mapping[int, Mapping[str, Any]], policy: str = NEWEST) -> str:
    """Write the configuration of a model.

    Args:
        model: the newest version: its tensors are the ones that clients see.
        cards: the model card of every version in the folder. Each becomes the parameter
            `model_card_<version>`: that is how a service, which sees no files, learns it.
        policy: which versions are served, as `version_policy` found it.
    """
    parameters = {"intra_op_thread_count": str(model.threads)}
    if model.mem_arena:
        parameters["enable_mem_arena"] = "1"
    if model.native is not None:
        parameters[NATIVE_CONVOLUTIONS] = "1"
    parameters |= {_card_key(version): _card_text(card) for version, card in sorted(cards.items())}
    return "\n".join(
        [
            f"name: {_quoted(model.name)}",
            'backend: "onnxruntime"',
            f"default_model_filename: {_quoted(MODEL_FILE)}",
            f"max_batch_size: {MAX_BATCH}",
            *(_tensor("input", spec) for spec in model.inputs),
            *(_tensor("output", spec) for spec in model.outputs),
            f"instance_group [ {{ count: {model.instances} kind: KIND_CPU }} ]",
            *([] if _any_size(model) else [_BATCHING]),
            policy,
            *(_parameter(key, value) for key, value in parameters.items()),
            "",
        ]
    )


def with_cards(config: str, cards: Mapping[int, Mapping[str, Any]]) -> str:
    """A configuration as `render` writes it, with these cards in place of those that it has."""
    lines = config.split("\n")
    for version, card in cards.items():
        start = f"parameters {{ key: {_quoted(_card_key(version))} value:"
        written = _parameter(_card_key(version), _card_text(card))
        lines = [written if line.startswith(start) else line for line in lines]
    return "\n".join(lines)


def _card_key(version: int) -> str:
    return f"model_card_{version}"


def _card_text(card: Mapping[str, Any]) -> str:
    return json.dumps(card, separators=(",", ":"), sort_keys=True)


def _any_size(model: ServedModel) -> bool:
    return any(ANY in spec.shape for spec in model.inputs)


def _tensor(kind: str, spec: TensorSpec) -> str:
    dims = ", ".join(str(size) for size in spec.shape)
    fields = f"name: {_quoted(spec.name)} data_type: TYPE_{spec.dtype} dims: [ {dims} ]"
    return f"{kind} [ {{ {fields} }} ]"


def _parameter(key: str, value: str) -> str:
    return f"parameters {{ key: {_quoted(key)} value: {{ string_value: {_quoted(value)} }} }}"


def _quoted(text: str) -> str:
    """A string of protobuf's text format; `json.dumps` above has left nothing but ASCII."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'

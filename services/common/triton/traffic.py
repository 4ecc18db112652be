"""How the versions of a model share its traffic while a new one is on trial.

Triton's pointer `<model>_traffic` says it in its parameter `traffic`, as JSON: the `stable`
version, the `candidate` or null, and the candidate's `share`, 0 to 1. `training/release/traffic.py`
writes it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, Self, TypeVar

Model = TypeVar("Model")

# A model whose configuration has it takes its traffic from the pointer of that name.
POINTER_PARAMETER = "traffic_pointer"
POINTER_VERSION = 1  # it never has another
_TRAFFIC_PARAMETER = "traffic"
_MASK = 2**64 - 1


@dataclass(frozen=True)
class Traffic:
    """Which versions serve, and how much."""

    stable: int
    candidate: int | None
    share: float

    @classmethod
    def of(cls, parameters: Mapping[str, str]) -> Self:
        """Read a pointer's parameters.

        Raises:
            ValueError, LookupError, TypeError: they are not what the contract says.
        """
        fields: dict[str, Any] = json.loads(parameters[_TRAFFIC_PARAMETER])
        candidate = fields["candidate"]
        return cls(
            stable=int(fields["stable"]),
            candidate=None if candidate is None else int(candidate),
            share=float(fields["share"]),
        )


@dataclass(frozen=True)
class Route(Generic[Model]):
    """The versions of a model that serve now."""

    stable: Model
    candidate: Model | None = None
    share: float = 0.0

    def of(self, seed: int) -> Model:
        """The version that serves `seed`: always the same one while the share stands.

        Raising the share moves seeds to the candidate only, never back.
        """
        if self.candidate is not None and bucket(seed) < self.share:
            return self.candidate
        return self.stable


def bucket(seed: int) -> float:
    """Spread seeds (0 to 2^64 - 1) evenly over [0, 1), neighbours far apart.

    The finaliser of SplitMix64: Steele, Lea and Flood, "Fast Splittable Pseudorandom Number
    Generators" (2014), with Stafford's variant 13 of its constants.
    """
    mixed = (seed + 0x9E3779B97F4A7C15) & _MASK
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
    return (mixed ^ (mixed >> 31)) / 2**64

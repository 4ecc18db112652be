"""What has to be run for a factor and a noise level: known before a picture is decoded.

Networks enlarge by whole factors, mostly 2. Any other factor takes as many passes as reach at
least that far, and a resampling filter down to the size that was asked for: 3x is two passes (4x)
and Lanczos' filter. Noise is removed once, by the first pass.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from math import floor, prod

from services.common.rpc.errors import InvalidField
from services.upscaler.models import NO_NOISE, Method, UpscalerModel

MAX_SCALE = 8.0


class Filter(Enum):
    """The classical methods: resampling filters."""

    NEAREST = "nearest"
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"
    LANCZOS = "lanczos"


@dataclass(frozen=True)
class Plan:
    """How a picture of a known size is enlarged."""

    passes: tuple[UpscalerModel, ...]  # networks, one after the other
    resample: Filter | None  # what then leads to the final size; None: it is reached already
    width: int  # of the output
    height: int
    tta: bool  # test-time augmentation: each pass is the mean over eight flips and turns
    method: str = ""  # that was asked for


@dataclass(frozen=True)
class Job:
    """What is wanted, whatever the size of the picture."""

    method: Method | Filter
    scale: float  # 1 to MAX_SCALE
    noise: int = NO_NOISE  # or 0 to 3
    tta: bool = False

    @property
    def name(self) -> str:
        """The name of its method."""
        return self.method.value if isinstance(self.method, Filter) else self.method.name


def make_plan(job: Job, width: int, height: int) -> Plan:
    """Plan how a picture of `width` x `height` pixels is enlarged.

    Raises:
        InvalidField: the method cannot do that; lists what it can.
    """
    passes = _passes(job)
    size = enlarged(width, job.scale), enlarged(height, job.scale)
    reached = prod(model.scale for model in passes)
    last = job.method if isinstance(job.method, Filter) else Filter.LANCZOS
    resample = None if size == (width * reached, height * reached) else last
    return Plan(passes, resample, *size, job.tta, job.name)


def enlarged(length: int, scale: float) -> int:
    """A side's length after enlarging, in whole pixels, halves up; never less than 1."""
    return max(1, floor(length * scale + 0.5))


def _passes(job: Job) -> tuple[UpscalerModel, ...]:
    if isinstance(job.method, Filter):
        _check_filter(job)
        return ()
    needed = _factors(job.method, job.scale)
    if job.noise == NO_NOISE:
        return _plain(job.method, needed)
    denoiser = job.method.find(1, job.noise)
    both = [m for m in job.method.models if m.scale > 1 and m.noise == job.noise]
    if not needed and denoiser:
        return (denoiser,)
    if both:  # with nothing to enlarge it is resampled down again
        return (both[0], *_plain(job.method, needed[1:]))
    if denoiser:
        return (denoiser, *_plain(job.method, needed))
    raise InvalidField(
        "options.noise", f"{job.name} cannot remove noise {job.noise}; {offered(job.method)}"
    )


def _check_filter(job: Job) -> None:
    if job.noise != NO_NOISE:
        raise InvalidField(
            "options.noise",
            f"{job.name} is a filter and removes none; leave it out, or choose a network",
        )
    if job.tta:
        raise InvalidField(
            "options.test_time_augmentation",
            f"{job.name} is a filter, for which it changes nothing; leave it out",
        )


def _factors(method: Method, scale: float) -> Sequence[int]:
    """The factors of the passes that reach `scale`; none for a scale of 1.

    Raises:
        InvalidField: the method does not enlarge.
    """
    if scale == 1:
        return ()
    steps = [model.scale for model in method.models if model.scale > 1]
    if not steps:
        raise InvalidField("options.scale", f"{method.name} cannot enlarge; {offered(method)}")
    factors = [steps[0]]
    while prod(factors) < scale:
        factors.append(steps[0])
    return factors


def _plain(method: Method, factors: Sequence[int]) -> tuple[UpscalerModel, ...]:
    """The passes that only enlarge."""
    passes = [method.find(factor, NO_NOISE) for factor in factors]
    if None in passes:
        raise InvalidField(
            "options.scale",
            f"{method.name} cannot enlarge that far without removing noise; {offered(method)}",
        )
    return tuple(model for model in passes if model)


def offered(method: Method) -> str:
    """What a method's models do, for people: "it has 1x noise 0, 1; 2x noise -1, 0, 1"."""
    scales = dict.fromkeys(model.scale for model in method.models)
    levels = {s: [str(m.noise) for m in method.models if m.scale == s] for s in scales}
    return "it has " + "; ".join(f"{s}x noise {', '.join(names)}" for s, names in levels.items())

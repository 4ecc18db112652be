"""The service level objectives: what callers may expect of each RPC.

Availability: of the calls of each RPC in 30 days, at most one in a thousand ends with a code that
is our failure (`services.common.rpc.metrics.FAILURE_CODES`). Latency: 99 % of the calls of each RPC
are answered within its objective; of streams the first answer counts.

Alerts follow chapter 5 of "The Site Reliability Workbook" (Google, 2018), multiwindow and multi-
burn-rate: a burn rate of 1 uses up the error budget of 30 days in 30 days.
"""

from dataclasses import dataclass
from typing import Literal

AVAILABLE = 0.999  # share of the calls that do not fail
IN_TIME = 0.99  # share of the calls within the objective

# A page on a quiet system needs more than one unlucky caller: so many bad calls in the long window.
FEWEST_BAD_CALLS = 5


@dataclass(frozen=True)
class Objective:
    """One RPC: 99 % of its answers, or of its first answers, come within `seconds`."""

    service: str
    method: str
    seconds: float  # a bound of REQUEST_BUCKETS_S
    counts: Literal["request", "first_answer"] = "request"


OBJECTIVES = (
    Objective("generator", "Generate", 2.0),
    Objective("generator", "GenerateStream", 1.0, "first_answer"),
    Objective("generator", "ListModels", 0.2),
    Objective("upscaler", "Upscale", 5.0),
    Objective("upscaler", "UpscaleStream", 5.0, "first_answer"),
    Objective("upscaler", "ListModels", 0.2),
    Objective("similarity", "Search", 1.0),
    Objective("similarity", "SearchStream", 2.0, "first_answer"),
    Objective("similarity", "Explain", 1.0),
    Objective("similarity", "GetImage", 0.2),
    Objective("similarity", "ListIndexes", 0.2),
)


@dataclass(frozen=True)
class Burn:
    """An alert when the budget burns this fast over the long window, and still does."""

    long: str
    short: str
    factor: float


# 2 % of the budget in an hour, 5 % in six: somebody must get up.
FAST = (Burn("1h", "5m", 14.4), Burn("6h", "30m", 6))
# 10 % in a day, 10 % in three: somebody must look during working hours.
SLOW = (Burn("1d", "2h", 3), Burn("3d", "6h", 1))

"""The algorithm of Kubernetes' HorizontalPodAutoscaler, without Kubernetes.

After https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/ ("Algorithm
details", "Configurable scaling behavior") and, where the text leaves room, the controller's source:
pkg/controller/podautoscaler/{horizontal,replica_calculator}.go.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

TOLERANCE = 0.1  # --horizontal-pod-autoscaler-tolerance
SYNC_SECONDS = 15.0  # --horizontal-pod-autoscaler-sync-period


def by_value(current: int, ready: int, value: float, target: float) -> int:
    """Replicas for an external metric with `target.type: Value`: only ready pods carry the load."""
    ratio = value / target
    if current == 0:
        return math.ceil(ratio)
    return current if _near(ratio) else math.ceil(ratio * ready)


def by_average(current: int, value: float, target: float) -> int:
    """Replicas for an external metric with `target.type: AverageValue`: so much for each pod."""
    if current and _near(value / (target * current)):
        return current
    return math.ceil(value / target)


def by_pods(
    current: int, values: Mapping[str, float | None], ready: Sequence[str], target: float
) -> int:
    """Replicas for a metric of each pod, such as CPU.

    Args:
        current: replicas that there are.
        values: of every pod; None where the metric is missing.
        ready: the pods that are ready; the values of others are set aside.
        target: for each pod.

    Raises:
        ValueError: there is no value of any ready pod.
    """
    known = {pod: value for pod, value in values.items() if value is not None and pod in ready}
    if not known:
        raise ValueError("no metrics of any ready pod")
    ratio = sum(known.values()) / (target * len(known))
    missing = [pod for pod, value in values.items() if value is None and pod in ready]
    unready = [pod for pod in values if pod not in ready] if ratio > 1 else []
    if not missing and not unready:
        return current if _near(ratio) else math.ceil(ratio * len(ready))
    # Careful both ways: what is not known counts as idle before scaling up, as busy before scaling
    # down; pods that are not ready count as idle before scaling up.
    assumed = known | dict.fromkeys(missing, target if ratio < 1 else 0.0)
    assumed |= dict.fromkeys(unready, 0.0)
    careful = sum(assumed.values()) / (target * len(assumed))
    if _near(careful) or (ratio < 1) != (careful < 1):
        return current
    return math.ceil(careful * len(assumed))


@dataclass(frozen=True)
class Policy:
    """At most so much change within a period."""

    kind: str  # "Pods" or "Percent"
    value: float
    period_s: float


@dataclass(frozen=True)
class Direction:
    """The rules of scaling up, or those of scaling down."""

    window_s: float  # stabilizationWindowSeconds
    policies: tuple[Policy, ...]
    select: str = "Max"  # "Min", "Disabled"

    @classmethod
    def of(cls, rules: Mapping[str, Any], hurry: float) -> Self:
        """Read `spec.behavior.scaleUp` or `.scaleDown`, with times `hurry` times shorter."""
        policies = tuple(
            Policy(policy["type"], policy["value"], policy["periodSeconds"] / hurry)
            for policy in rules["policies"]
        )
        window_s = rules["stabilizationWindowSeconds"] / hurry
        return cls(window_s, policies, rules.get("selectPolicy", "Max"))


@dataclass
class Autoscaler:
    """One HorizontalPodAutoscaler, asked every sync period. Times are seconds of any one clock."""

    least: int
    most: int
    up: Direction
    down: Direction
    _recommended: list[tuple[float, int]] = field(default_factory=list)
    _changes: list[tuple[float, int]] = field(default_factory=list)

    def decide(self, now: float, current: int, proposals: Sequence[int | None]) -> int:
        """The replicas from now on.

        Args:
            now: not before the call before.
            current: replicas that there are.
            proposals: of each metric; None for one that cannot be had.
        """
        wanted = self._limited(
            now, current, self._stable(now, current, _joined(current, proposals))
        )
        if wanted != current:
            self._changes.append((now, wanted - current))
        return wanted

    def _stable(self, now: float, current: int, proposal: int) -> int:
        """Up to the smallest proposal of one window, down to the largest of the other."""
        self._recommended.append((now, proposal))
        raised = min(self._since(now - self.up.window_s))
        lowered = max(self._since(now - self.down.window_s))
        return min(max(current, raised), lowered)

    def _since(self, begin: float) -> list[int]:
        recent = [proposal for at, proposal in self._recommended if at > begin]
        return recent or [self._recommended[-1][1]]

    def _limited(self, now: float, current: int, wanted: int) -> int:
        """Within the policies and between `least` and `most`."""
        if wanted > current:
            allowed = self._allowed(now, current, self.up, sign=1)
            wanted = min(wanted, max(allowed, current))
        elif wanted < current:
            allowed = self._allowed(now, current, self.down, sign=-1)
            wanted = max(wanted, min(allowed, current))
        return min(max(wanted, self.least), self.most)

    def _allowed(self, now: float, current: int, rules: Direction, sign: int) -> int:
        """The replicas that the policies let be reached."""
        if rules.select == "Disabled":
            return current
        reach = [self._reach(now, current, policy, sign) for policy in rules.policies]
        farthest = (rules.select == "Max") == (sign > 0)
        return max(reach) if farthest else min(reach)

    def _reach(self, now: float, current: int, policy: Policy, sign: int) -> int:
        """How far one policy goes from the replicas at the begin of its period."""
        begin = current - sum(change for at, change in self._changes if at > now - policy.period_s)
        if policy.kind == "Pods":
            return int(begin + sign * policy.value)
        changed = begin * (1 + sign * policy.value / 100)
        return math.ceil(changed) if sign > 0 else int(changed)


def _near(ratio: float) -> bool:
    return abs(1 - ratio) <= TOLERANCE


def _joined(current: int, proposals: Sequence[int | None]) -> int:
    """The largest proposal; with metrics missing never fewer replicas than there are."""
    known = [proposal for proposal in proposals if proposal is not None]
    if len(known) < len(proposals):
        return max([*known, current])
    return max(known)

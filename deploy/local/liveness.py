"""When a part that runs has to be started again all the same: nothing is heard of it any more.

Services are asked what Kubernetes asks them, as often and as patiently. Triton gets canary
inferences: a model that computes for ever blocks what is loaded, while the server says it is live.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self

import structlog
import yaml

from deploy.local.components import not_serving
from deploy.local.runtime import PROJECT
from deploy.triton_admin import AdminError, Health, TritonAdmin

_TRITON = "triton"  # where a model's name stands, for the server as a whole

# Where the probes of services are described, for Kubernetes and for us.
_SERVICE = PROJECT / "deploy" / "k8s" / "base" / "patches" / "service.yaml"

log = structlog.get_logger()


class Liveness(Protocol):
    """Tells whether a part that runs still lives."""

    def began(self) -> None:
        """Its process is a new one: forget what was known of the last."""

    def hung(self) -> str:
        """Ask, if it is time to; return why it has to be started again, "" if it need not be."""


class NotAsked:
    """Liveness of a part that nobody asks: running is all it has to do."""

    def began(self) -> None:
        """Do nothing."""

    def hung(self) -> str:
        """Return "": it never is."""
        return ""


@dataclass(frozen=True)
class Probe:
    """A gRPC probe with the fields of Kubernetes, whose defaults these are; seconds."""

    service: str  # of grpc.health.v1
    period: float = 10
    timeout: float = 1
    failures: int = 3  # in a row

    @classmethod
    def of_kubernetes(cls, described: Mapping[str, Any]) -> Self:
        """Read it as a pod's description has it."""
        fields = {
            "period": "periodSeconds",
            "timeout": "timeoutSeconds",
            "failures": "failureThreshold",
        }
        given = {ours: described[theirs] for ours, theirs in fields.items() if theirs in described}
        return cls(described["grpc"]["service"], **given)


@dataclass(frozen=True)
class Probes:
    """What a service is asked: `startup` until it answers once, then `liveness`."""

    startup: Probe
    liveness: Probe

    @classmethod
    def of_services(cls) -> Self:
        """Return those that pods of services have."""
        described = yaml.safe_load(_SERVICE.read_text())
        (container,) = described["spec"]["template"]["spec"]["containers"]
        names = "startupProbe", "livenessProbe"
        return cls(*(Probe.of_kubernetes(container[name]) for name in names))


class HealthChecks:
    """Liveness of a service: it answers grpc.health.v1, however Triton fares."""

    def __init__(self, target: str, probes: Probes) -> None:
        """`target` is host:port of the service."""
        self._target = target
        self._probes = probes
        self.began()

    def began(self) -> None:
        """Wait for its first answer."""
        self._probe = self._probes.startup
        self._failures = 0
        self._next = 0.0

    def hung(self) -> str:
        """Probe it once a period."""
        probe, now = self._probe, time.monotonic()
        if now < self._next:
            return ""
        self._next = now + probe.period
        lack = not_serving(self._target, probe.service, probe.timeout)
        if not lack:
            self._probe, self._failures = self._probes.liveness, 0
            return ""
        self._failures += 1
        if self._failures < probe.failures:
            return ""
        return f"{lack}, {self._failures} times in a row, every {probe.period:g} s"


@dataclass(frozen=True)
class CanaryTiming:
    """How often models get a canary and how long one waits for them, in seconds."""

    canary: float = 5.0  # between two rounds of canaries
    deadline: float = 10.0
    # Longer than the largest tiles of the slowest network take on a busy machine.
    hang: float = 60.0


@dataclass(frozen=True)
class _Silence:
    """Since when nothing is heard of a model, and how many batches it had executed then."""

    since: float
    executions: int


class Canaries:
    """Liveness of Triton: it hangs when canaries go unanswered while nothing moves.

    A model with a long queue leaves canaries unanswered too, but it gets on with its work: that
    Triton is left alone.
    """

    def __init__(self, admin: TritonAdmin, timing: CanaryTiming) -> None:
        """`admin` speaks with the server whatever its process is."""
        self._admin = admin
        self._timing = timing
        self._complaints: dict[str, str] = {}  # the last ones, to log changes only
        self.began()

    def began(self) -> None:
        """Wait for its first answer, which takes long with large indexes."""
        self._answered = False
        self._silent: dict[str, _Silence] = {}  # by model; Triton itself is _TRITON
        self._next = 0.0

    def hung(self) -> str:
        """Send a round of canaries, if it is time to."""
        now = time.monotonic()
        if now < self._next:
            return ""
        self._look_at_models()
        self._next = now + self._timing.canary
        hung = ", ".join(self._silent_too_long())
        return hung and f"no answer, and nothing moves: {hung}"

    def _look_at_models(self) -> None:
        """Run a canary on every model that claims to be ready: others an operator has unloaded."""
        try:
            ready = {state.name for state in self._admin.index() if state.ready}
            self._answered = True
            for name in sorted(ready):
                self._look_at(name)
        except AdminError as error:
            if self._answered:
                self._note(_TRITON, str(error), executions=0)
            return
        known = ready & self._silent.keys()
        self._silent = {name: self._silent[name] for name in known}

    def _look_at(self, name: str) -> None:
        config, deadline = self._admin.config(name), self._timing.deadline
        health, message = self._admin.canary(name, config, deadline)
        if health is Health.SLOW:
            self._note(name, message, self._admin.executions(name))
        else:
            self._silent.pop(name, None)
            self._complain(name, message)

    def _note(self, name: str, message: str, executions: int) -> None:
        """Take down that nothing was heard of a model."""
        self._complain(name, message)
        before = self._silent.get(name)
        if before is None or before.executions != executions:
            self._silent[name] = _Silence(time.monotonic(), executions)

    def _complain(self, name: str, message: str) -> None:
        if message and message != self._complaints.get(name):
            log.warning("canary failed", model=name, reason=message)
        self._complaints[name] = message

    def _silent_too_long(self) -> list[str]:
        """Models of which nothing has been heard for too long."""
        earliest = time.monotonic() - self._timing.hang
        return sorted(name for name, silence in self._silent.items() if silence.since <= earliest)

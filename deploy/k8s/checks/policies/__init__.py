"""Our own rules for what every kustomization builds, one module per subject."""

from collections.abc import Callable, Iterator, Sequence

from deploy.k8s.checks.policies import autoscaling, network, pods, references, rollout, search
from deploy.k8s.checks.subject import Finding, Manifest, Subject

Policy = Callable[[Sequence[Manifest]], Iterator[tuple[Manifest, str]]]

POLICIES: tuple[Policy, ...] = (
    pods.check,
    references.check,
    rollout.check,
    network.check,
    autoscaling.check,
    search.check,
)


def check(subject: Subject) -> Iterator[Finding]:
    """What breaks a rule, in any build."""
    for build, manifests in subject.builds.items():
        for policy in POLICIES:
            for manifest, problem in policy(manifests):
                yield Finding.of(build, manifest, problem)

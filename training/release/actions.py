"""The steps of a release after its publication: load, canary, promote, rollback.

Each step checks first, then changes the repository, then tells every Triton, then writes history. A
step that fails half-way is repeated: all of them may be done twice.
"""

from __future__ import annotations

from dataclasses import replace

from training.release.errors import ReleaseError
from training.release.history import Entry, record
from training.release.parts import digest_of, part_names, read_card, read_release
from training.release.publish import rewrite_configs
from training.release.store import Store
from training.release.traffic import Traffic, known_traffic, pointer_of, write_traffic
from training.release.tritons import Tritons


def load(store: Store, tritons: Tritons, model: str, note: str = "") -> Entry:
    """Load what is published; a candidate gets no traffic yet.

    A candidate that is damaged, cannot be loaded or does not answer is taken out again: its
    version number is used up, its files stay for whoever wants to know why.

    Raises:
        ReleaseError: a version was refused; the stable one serves as before.
    """
    traffic = known_traffic(store, model)
    newest = traffic.stable if traffic.candidate is None else traffic.candidate
    names = part_names(store, model)
    try:
        digest = digest_of(read_release(store, model, newest)[0].card)
        tritons.load([*names, pointer_of(model)])
        tritons.check(names, newest)
    except ReleaseError as error:
        if traffic.candidate is not None:
            _refuse(store, tritons, model, traffic, str(error))
        raise
    return record(store, model, "load", newest, digest, traffic, note)


def canary(store: Store, tritons: Tritons, model: str, share: float, note: str = "") -> Entry:
    """Give the candidate a share of the traffic, 0 to 1.

    Raises:
        ReleaseError: there is no candidate, or it is not ready everywhere.
    """
    if not 0 <= share <= 1:
        raise ReleaseError(f"a share of {share:g} is not within 0 and 1")
    traffic = known_traffic(store, model)
    candidate = _candidate(traffic, model)
    digest = digest_of(read_release(store, model, candidate)[0].card)
    tritons.check(part_names(store, model), candidate)
    return _redirect(store, tritons, model, replace(traffic, share=share), "canary", digest, note)


def promote(store: Store, tritons: Tritons, model: str, note: str = "") -> Entry:
    """Make the candidate stable. The version that it replaces stays loaded, for a rollback.

    Raises:
        ReleaseError: there is no candidate, or it is not ready everywhere.
    """
    traffic = known_traffic(store, model)
    candidate = _candidate(traffic, model)
    digest = digest_of(read_release(store, model, candidate)[0].card)
    tritons.check(part_names(store, model), candidate)
    after = Traffic(stable=candidate, previous=traffic.stable)
    return _redirect(store, tritons, model, after, "promote", digest, note)


def rollback(store: Store, tritons: Tritons, model: str, note: str = "") -> Entry:
    """Take the candidate's traffic away; without a candidate, go back to the version before.

    Nothing is loaded but the pointer, so it takes milliseconds. What is left of the candidate in
    the configurations goes with it, and is unloaded with the next load.

    Raises:
        ReleaseError: there is nothing to go back to.
    """
    traffic = known_traffic(store, model)
    if traffic.candidate is not None:
        after = Traffic(stable=traffic.stable)
    elif traffic.previous is not None:
        after = Traffic(stable=traffic.previous)
    else:
        raise ReleaseError(
            f"{model} {traffic.stable} has no predecessor that is still loaded; publish an older "
            "version again"
        )
    digest = digest_of(read_card(store, model, after.stable))
    entry = _redirect(store, tritons, model, after, "rollback", digest, note)
    rewrite_configs(store, model, after)
    return entry


def _candidate(traffic: Traffic, model: str) -> int:
    if traffic.candidate is None:
        raise ReleaseError(
            f"{model} has no candidate, version {traffic.stable} has all the traffic; publish one "
            "with `anime-gan models publish`"
        )
    return traffic.candidate


def _redirect(
    store: Store,
    tritons: Tritons,
    model: str,
    traffic: Traffic,
    action: str,
    digest: str,
    note: str,
) -> Entry:
    """Change who gets the traffic, everywhere."""
    write_traffic(store, model, traffic)
    tritons.load([pointer_of(model)])
    about = traffic.stable if traffic.candidate is None else traffic.candidate
    return record(store, model, action, about, digest, traffic, note)


def _refuse(store: Store, tritons: Tritons, model: str, traffic: Traffic, why: str) -> None:
    """Take a candidate out of the configurations again."""
    after = Traffic(stable=traffic.stable)
    rewrite_configs(store, model, after)
    write_traffic(store, model, after)
    record(store, model, "refuse", traffic.candidate or 0, "", after, why)
    tritons.load([*part_names(store, model), pointer_of(model)])

"""A stack on this machine that serves a project: Triton, the generator and the search."""

from __future__ import annotations

import shutil
from pathlib import Path

from deploy.local import processes
from deploy.local.runtime import PROJECT as CHECKOUT
from deploy.local.stack import Stack
from deploy.local.state import StackSettings
from training.project.folder import Project
from training.release import actions
from training.release.history import Entry
from training.release.store import Store
from training.release.tritons import Address, Tritons

# What Triton searches an index by; without weights, a few kilobytes.
SEARCH_MODELS = ("ssim_search", "ssim_index")


def add_search_models(models: Path) -> None:
    """Put the models of the search into a project's repository, each whole or not at all."""
    for name in SEARCH_MODELS:
        source, goal = CHECKOUT / "models" / name, models / name
        if (goal / "config.pbtxt").exists():
            continue
        staged = models / f".{name}"
        shutil.rmtree(staged, ignore_errors=True)
        shutil.copytree(source, staged)
        staged.rename(goal)


def start(project: Project) -> StackSettings:
    """Start what does not run yet, and wait until all of it serves.

    It listens on the usual ports, or on free ones where another stack has these.

    Raises:
        LocalStackError: it cannot be started; tells why.
    """
    stack = Stack(project.stack)
    wanted = StackSettings(
        project.models.resolve(), project.index.parent.resolve(), default_index=project.name
    )
    if running := stack.running():
        wanted = wanted.on_ports_of(running)
    elif any(processes.port_in_use(getattr(wanted, port)) for port in wanted.ports()):
        wanted = wanted.on_free_ports()
    stack.up(wanted)
    return wanted


def release(project: Project, note: str) -> list[Entry]:
    """Load what is published, and make a candidate stable; the stack runs.

    Raises:
        ReleaseError: it cannot be loaded, or does not answer: what served before still does.
    """
    store = Store(project.models.resolve())
    with _tritons(project) as tritons:
        entries = [actions.load(store, tritons, project.name, note)]
        if entries[0].traffic.candidate is not None:
            entries.append(actions.promote(store, tritons, project.name, note))
    return entries


def go_back(project: Project) -> Entry:
    """Let the version before serve again; the stack runs.

    Raises:
        ReleaseError: there is none that is still loaded.
    """
    with _tritons(project) as tritons:
        return actions.rollback(Store(project.models.resolve()), tritons, project.name)


def stop(project: Project) -> bool:
    """Let calls in flight finish and stop everything; whether anything ran."""
    return Stack(project.stack).down()


def _tritons(project: Project) -> Tritons:
    """The Triton of the project's stack, which `start` has started."""
    state = Stack(project.stack).state()
    assert state is not None  # noqa: S101 (see above)
    return Tritons([Address(state.triton.grpc_url, state.admin_key)])

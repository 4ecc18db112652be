"""What was done to a model's releases, when and by whom, one line of JSON a step."""

from __future__ import annotations

import getpass
import json
import socket
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from training.release.store import Store
from training.release.traffic import Traffic, pointer_of

HISTORY_FILE = "history.jsonl"


@dataclass(frozen=True)
class Entry:
    """One step.

    Attributes:
        time: UTC, ISO 8601, to the second.
        action: "publish", "load", "canary", "promote", "rollback" or "refuse".
        version: that the step is about.
        digest: sha256 of that version's ONNX file.
        traffic: as it is from then on.
        who: user@host.
        note: of the caller, or why a version was refused.
    """

    time: str
    action: str
    version: int
    digest: str
    traffic: Traffic
    who: str
    note: str


def record(
    store: Store, model: str, action: str, version: int, digest: str, traffic: Traffic, note: str
) -> Entry:
    """Append a step and return it."""
    entry = Entry(
        time=datetime.now(UTC).isoformat(timespec="seconds"),
        action=action,
        version=version,
        digest=digest,
        traffic=traffic,
        who=f"{getpass.getuser()}@{socket.gethostname()}",
        note=note,
    )
    lines = _read(store, model) + json.dumps(asdict(entry), sort_keys=True) + "\n"
    store.replace(_path(model), lines.encode())
    return entry


def history(store: Store, model: str) -> list[Entry]:
    """All steps, oldest first."""
    entries = (json.loads(line) for line in _read(store, model).splitlines())
    return [Entry(**entry | {"traffic": Traffic(**entry["traffic"])}) for entry in entries]


def _read(store: Store, model: str) -> str:
    try:
        return store.read(_path(model)).decode()
    except FileNotFoundError:
        return ""


def _path(model: str) -> str:
    return f"{pointer_of(model)}/{HISTORY_FILE}"

"""The stub processes of a Triton: children that each run one instance of one model."""

from dataclasses import dataclass
from pathlib import Path

import psutil

from deploy.local import processes

_PROGRAM = "triton_python_backend_stub"


@dataclass(frozen=True)
class Stub:
    """One stub: Triton passes it the model's file and the name of their shared memory."""

    process: psutil.Process
    model: str
    region: str  # file name in /dev/shm

    def alive(self) -> bool:
        """Tell whether it still runs. Triton leaves a killed stub as a zombie, for ever."""
        return processes.alive(self.process)


def living(server: psutil.Process) -> list[Stub]:
    """Return the stubs of this server that run now."""
    found = (_read(child) for child in server.children())
    return [stub for stub in found if stub]


def _read(child: psutil.Process) -> Stub | None:
    try:
        command = child.cmdline()  # stub, <repository>/<model>/<version>/<file>, region, ...
    except psutil.NoSuchProcess:
        return None
    if not command or Path(command[0]).name != _PROGRAM:
        return None
    return Stub(child, model=Path(command[1]).parents[1].name, region=command[2])

"""`python -m deploy.local VERB`: the platform on one machine; `--help` lists the verbs."""

import argparse
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from deploy.local import processes, runtime
from deploy.local.console import LocalStackError, say
from deploy.local.monitoring import MonitoringSettings
from deploy.local.stack import DEFAULT_STATE_DIR, ComponentStatus, Stack
from deploy.local.state import StackSettings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    options = _parser().parse_args(arguments)
    processes.interrupt_on_sigterm()
    try:
        return int(options.run(options))
    except LocalStackError as error:
        say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        say("interrupted")
        return 130


def _install(_: argparse.Namespace) -> int:
    runtime.ensure_runtime()
    return 0


def _up(options: argparse.Namespace) -> int:
    chosen = {port: getattr(options, port) for port in StackSettings.ports()}
    settings = StackSettings(
        options.models.resolve(), options.indexes.resolve(), options.default_index, **chosen
    )
    stack = Stack(options.state_dir)
    if options.free_ports:  # chosen once: called again, they are the ports of what still runs
        running = stack.running()
        settings = settings.on_ports_of(running) if running else settings.on_free_ports()
    stack.up(settings)
    return _show(stack)


def _down(options: argparse.Namespace) -> int:
    say("stopped" if Stack(options.state_dir).down() else "nothing was running")
    return 0


def _status(options: argparse.Namespace) -> int:
    return _show(Stack(options.state_dir))


def _load(options: argparse.Namespace) -> int:
    Stack(options.state_dir).load(options.model)
    return _status(options)


def _monitoring(options: argparse.Namespace) -> int:
    settings = MonitoringSettings(options.prometheus_port, options.alertmanager_port)
    for part in Stack(options.state_dir).monitor(settings):
        sys.stdout.write(f"{part.name:12}  {'  '.join(part.addresses)}\n")
    return 0


def _logs(options: argparse.Namespace) -> int:
    for log in Stack(options.state_dir).logs():
        sys.stdout.write(f"{processes.tail(log, options.lines)}\n\n")
    return 0


def _show(stack: Stack) -> int:
    """Write what runs as a table; return 0 if all of it serves."""
    parts, models = stack.status(), stack.models()
    if not parts:
        say("No stack is running: start it with `make up`.")
        return 1
    rows = [("PART", "STATE", "PID", "MEMORY", "RESTARTS", "ADDRESSES")]
    rows += [_row(part) for part in parts]
    rows += [("",) * 6, ("MODEL", "STATE", "VERSION", "", "", "")]
    rows += [
        (m.name, "ready" if m.ready else m.reason or "not loaded", m.version, "", "", "")
        for m in models
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]) - 1)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        sys.stdout.write("  ".join([*cells, row[-1]]).rstrip() + "\n")
    for note in _notes(parts):
        sys.stdout.write(f"\n{note}\n")
    return int(any(part.lacks for part in parts))


def _notes(parts: Sequence[ComponentStatus]) -> Iterator[str]:
    """What the supervisor has to tell of the parts."""
    for part in parts:
        fared = part.restarts
        if fared.count:
            times = "once" if fared.count == 1 else f"{fared.count} times"
            last = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(fared.at))
            yield f"{part.name} was started again {times}, last at {last}: {fared.reason}"
        if fared.fault and part.pid is None:
            yield f"{part.name} cannot be started, and is tried again: {fared.fault}"


def _row(part: ComponentStatus) -> tuple[str, str, str, str, str, str]:
    memory = f"{part.memory_mb:.0f} MB" if part.pid else ""
    state = part.lacks.splitlines()[0] if part.lacks else "ready"
    restarts, addresses = str(part.restarts.count or ""), "  ".join(part.addresses)
    return part.name, state, str(part.pid or ""), memory, restarts, addresses


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.local", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    install = verbs.add_parser("install", help="fetch Triton and build its environment, once")
    install.set_defaults(run=_install)
    models = argparse.ArgumentParser(add_help=False)
    models.add_argument(
        "--models",
        type=Path,
        default=StackSettings.model_repository,
        help="Triton model repository (default: %(default)s)",
    )
    models.add_argument(
        "--indexes",
        type=Path,
        default=StackSettings.indexes,
        help="folder of the indexes that are searched (default: %(default)s)",
    )
    state = argparse.ArgumentParser(add_help=False)
    state.add_argument(
        "--state-dir",
        type=Path,
        default=DEFAULT_STATE_DIR,
        help="where settings, pid files and logs lie (default: %(default)s)",
    )
    up = verbs.add_parser("up", parents=[models, state], help="start everything in the background")
    up.add_argument(
        "--default-index",
        default=StackSettings.default_index,
        metavar="NAME",
        help="the index of searches that name none (default: %(default)s)",
    )
    up.set_defaults(run=_up)
    _add_ports(up)
    watch = verbs.add_parser(
        "monitoring", parents=[state], help="Prometheus and Alertmanager beside what runs"
    )
    for name in ("prometheus", "alertmanager"):
        default = getattr(MonitoringSettings, f"{name}_port")
        watch.add_argument(f"--{name}-port", type=int, default=default, help="%(default)s")
    watch.set_defaults(run=_monitoring)
    down = verbs.add_parser("down", parents=[state], help="finish calls in flight, stop everything")
    down.set_defaults(run=_down)
    status = verbs.add_parser("status", parents=[state], help="what runs; 1 if something does not")
    status.set_defaults(run=_status)
    load = verbs.add_parser("load", parents=[state], help="serve a model's newest version")
    load.add_argument("model")
    load.set_defaults(run=_load)
    logs = verbs.add_parser("logs", parents=[state], help="the end of every log")
    logs.add_argument("--lines", type=int, default=20)
    logs.set_defaults(run=_logs)
    return parser


def _add_ports(up: argparse.ArgumentParser) -> None:
    """Add a flag per port, each with an environment variable as its default."""
    for port in StackSettings.ports():
        variable = f"ANIMEGAN_{port.upper()}"
        default = os.environ.get(variable, getattr(StackSettings, port))
        flag = f"--{port.replace('_', '-')}"
        up.add_argument(flag, type=int, default=default, help=f"{variable}, %(default)s")
    up.add_argument("--free-ports", action="store_true", help="listen where nobody else does")


if __name__ == "__main__":
    sys.exit(main())

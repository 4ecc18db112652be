"""Prometheus and Alertmanager beside a local stack: the cluster's rules, alerts and routes at work.

Both come from the system (Debian: `prometheus`, `prometheus-alertmanager`) and are not needed by
anything else. What they are given is made of deploy/k8s/monitoring, so what fires here fires there.
"""

import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import yaml

from deploy.k8s.monitoring import files
from deploy.local.components import Command, Component, components
from deploy.local.console import LocalStackError, say
from deploy.local.state import StackState

# Of Debian's packages; other systems call Alertmanager by its own name.
PROGRAMS = {
    "prometheus": ("prometheus",),
    "alertmanager": ("prometheus-alertmanager", "alertmanager"),
}
_PACKAGES = "apt-get install prometheus prometheus-alertmanager"
_SETTINGS = "settings.json"  # beside the configurations
_SCRAPE_SECONDS = 5.0
_KEPT = "7d"
_STOP_SECONDS = 10.0
_HEALTH_SECONDS = 2.0


@dataclass(frozen=True)
class MonitoringSettings:
    """Where the two listen, on the loopback interface, and for whom."""

    prometheus_port: int = 9090
    alertmanager_port: int = 9093
    hurry: float = 1.0  # every duration of rules and routes is so many times shorter: for tests
    webhook: str = ""  # URL that stands for every receiver; "": alerts are shown and sent to nobody


def start(state: StackState, folder: Path, settings: MonitoringSettings) -> list[Component]:
    """Start Alertmanager and Prometheus for the stack of a state directory.

    Raises:
        LocalStackError: a program is not installed, or a port is taken; nothing is left running.
    """
    stop(folder)
    _write(state, folder, settings)
    started = parts(folder)
    try:
        for part in started:
            say(f"Starting {part.name}")
            part.start()
            part.wait_until_ready()
    except BaseException:  # also Ctrl-C: what is half started must not stay
        stop(folder)
        raise
    return started


def stop(folder: Path) -> None:
    """Stop what `start` started for this state directory, and forget it."""
    for part in parts(folder):
        part.stop()
    (_files(folder) / _SETTINGS).unlink(missing_ok=True)


def parts(folder: Path) -> list[Component]:
    """Return what `start` started for this state directory, running or not."""
    try:
        stored = json.loads((_files(folder) / _SETTINGS).read_text())
    except FileNotFoundError:
        return []
    settings = MonitoringSettings(**stored)
    return [_alertmanager(folder, settings), _prometheus(folder, settings)]


def _write(state: StackState, folder: Path, settings: MonitoringSettings) -> None:
    """Write the configurations of both, the rules, and our own settings."""
    target = _files(folder)
    shutil.rmtree(target, ignore_errors=True)
    (target / "rules").mkdir(parents=True)
    for file in files.rule_files():
        rules = files.read(file)
        if settings.hurry != 1:
            rules = files.hurried_rules(rules, settings.hurry)
        _dump(target / "rules" / file.name, rules)
    routes = files.read(files.FOLDER / files.ALERTMANAGER)
    if settings.hurry != 1:
        routes = files.hurried_routes(routes, settings.hurry)
    told = files.told_to(routes, settings.webhook) if settings.webhook else None
    _dump(target / "alertmanager.yml", told or files.told_to_nobody(routes))
    _dump(target / "prometheus.yml", _configuration(state, folder, settings))
    (target / _SETTINGS).write_text(json.dumps(asdict(settings)))


def _configuration(state: StackState, folder: Path, settings: MonitoringSettings) -> dict[str, Any]:
    """What Prometheus is told: whom to scrape, and whom to send alerts."""
    every = f"{round(1000 * max(1.0, _SCRAPE_SECONDS / settings.hurry))}ms"
    return {
        "global": {"scrape_interval": every, "scrape_timeout": every},
        "rule_files": ["rules/*.yml"],
        "alerting": {
            "alertmanagers": [{"static_configs": [_target(settings.alertmanager_port)]}],
        },
        "scrape_configs": [
            {"job_name": f"animegan-{name}", "static_configs": [_target(port, namespace="local")]}
            for name, port in _scraped(state, folder).items()
        ],
    }


def _scraped(state: StackState, folder: Path) -> dict[str, int]:
    """The ports of metrics of the stack's parts, by part."""
    names = {part.name for part in components(state, folder)}
    ports = {name: getattr(state.settings, name) for name in state.settings.ports()}
    shown = {part: f"{part}_metrics_port" for part in sorted(names)}
    return {part: ports[name] for part, name in shown.items() if name in ports}


def _target(port: int, **labels: str) -> dict[str, Any]:
    return {"targets": [f"127.0.0.1:{port}"], "labels": labels}


def _prometheus(folder: Path, settings: MonitoringSettings) -> Component:
    return _component(
        "prometheus",
        folder,
        settings.prometheus_port,
        f"--config.file={_files(folder) / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'prometheus-data'}",
        f"--storage.tsdb.retention.time={_KEPT}",
    )


def _alertmanager(folder: Path, settings: MonitoringSettings) -> Component:
    return _component(
        "alertmanager",
        folder,
        settings.alertmanager_port,
        f"--config.file={_files(folder) / 'alertmanager.yml'}",
        f"--storage.path={folder / 'alertmanager-data'}",
        "--cluster.listen-address=",  # one of it: nobody to gossip with
    )


def _component(name: str, folder: Path, port: int, *flags: str) -> Component:
    url = f"http://127.0.0.1:{port}"

    def command() -> Command:
        return [program(name), *flags, f"--web.listen-address=127.0.0.1:{port}"], dict(os.environ)

    return Component(
        name=name,
        folder=folder,
        command=command,
        ports=(port,),
        addresses=(url,),
        missing=lambda: _not_ready(url),
        stop_seconds=_STOP_SECONDS,
    )


def program(name: str) -> str:
    """Path of one of PROGRAMS.

    Raises:
        LocalStackError: it is not installed.
    """
    for called in PROGRAMS[name]:
        if path := shutil.which(called):
            return path
    raise LocalStackError(f"{name} is not installed: {_PACKAGES}")


def _not_ready(url: str) -> str:
    """Ask for readiness; return "" if it is ready."""
    try:
        with urlopen(f"{url}/-/ready", timeout=_HEALTH_SECONDS):  # noqa: S310  # our own http URL
            return ""
    except (URLError, TimeoutError) as error:
        return str(error)


def _files(folder: Path) -> Path:
    return folder / "monitoring"


def _dump(file: Path, content: files.Tree) -> None:
    file.write_text(yaml.safe_dump(content, sort_keys=False, width=10_000))

"""`python -m deploy.k8s.monitoring`: write what is made of the rules, routes and dashboards.

Run it after every change in this folder; `--check` writes nothing, and fails when a file is not
what it would write.
"""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

import yaml

from deploy.k8s.monitoring import documentation, slo
from deploy.k8s.monitoring.dashboards import dashboards
from deploy.k8s.monitoring.files import ALERTMANAGER, FOLDER, Tree, read, rule_files
from deploy.k8s.monitoring.kubernetes import alertmanager_config, prometheus_rule

_HEADER = "# Written by `python -m deploy.k8s.monitoring`: change {source} and run it again.\n"


def contents(folder: Path = FOLDER) -> Mapping[Path, str]:
    """Every generated file and what it should hold."""
    generated = folder / "generated"
    slo_rules = {"groups": slo.groups()}
    files = {folder / "rules" / "slo.yml": _yaml("objectives.py", slo_rules)}
    rules = {file.stem: read(file) for file in rule_files(folder)} | {"slo": slo_rules}
    objects = [prometheus_rule(name, rules[name]) for name in sorted(rules)]
    files[generated / "prometheusrules.yaml"] = _yaml("rules/", *objects)
    routes = alertmanager_config(read(folder / ALERTMANAGER))
    files[generated / "alertmanagerconfig.yaml"] = _yaml(ALERTMANAGER, routes)
    for name, text in dashboards().items():
        files[generated / "dashboards" / f"{name}.json"] = text
    page = folder.parents[2] / documentation.PAGE
    return files | {page: documentation.page(page.read_text(), folder)}


def stale(folder: Path = FOLDER) -> list[Path]:
    """The generated files that are missing, differ, or belong to nothing any more."""
    wanted = contents(folder)
    wrong = [file for file, text in wanted.items() if not file.exists() or file.read_text() != text]
    return sorted([*wrong, *_left(wanted, folder)])


def write(folder: Path = FOLDER) -> None:
    """Write every generated file, remove what belongs to nothing any more."""
    wanted = contents(folder)
    for file in _left(wanted, folder):
        file.unlink()
    for file, text in wanted.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def _left(wanted: Mapping[Path, str], folder: Path) -> set[Path]:
    return set((folder / "generated").rglob("*.*")) - wanted.keys()


class _Dumper(yaml.SafeDumper):
    """Long texts as blocks, no anchors."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def _yaml(source: str, *documents: Tree) -> str:
    text = yaml.dump_all(documents, Dumper=_Dumper, sort_keys=False, width=10_000)
    return _HEADER.format(source=source) + text


def main() -> int:
    """Write, or check; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m deploy.k8s.monitoring", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if stale")
    if not parser.parse_args().check:
        write()
        return 0
    for file in stale():
        sys.stderr.write(f"{file} is stale: run `python -m deploy.k8s.monitoring`\n")
    return int(bool(stale()))


if __name__ == "__main__":
    sys.exit(main())

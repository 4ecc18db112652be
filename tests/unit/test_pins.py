"""constraints.txt is what was tested: a fresh install gets the same."""

import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PROJECT = Path(__file__).parents[2]


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def constraints() -> dict[str, str]:
    lines = (PROJECT / "constraints.txt").read_text().split()
    return {normal(name): pin for name, pin in (line.split("==") for line in lines)}


def package() -> list[list[str]]:
    """What the package asks for, and its extras."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    return [project["dependencies"], *project["optional-dependencies"].values()]


def groups() -> list[list[str]]:
    return list(
        tomllib.loads((PROJECT / "pyproject.toml").read_text())["dependency-groups"].values()
    )


def pins(lists: list[list[str]]) -> Iterator[tuple[str, str]]:
    """Names, without extras, and versions."""
    for requirement in (each for one in lists for each in one if isinstance(each, str)):
        name, pin = requirement.split("==")
        yield normal(name.partition("[")[0]), pin


def test_constraints_are_those_that_the_package_asks_for():
    assert set(pins(package())) <= constraints().items()


def test_constraints_are_those_that_are_asked_for():
    constrained = constraints()
    # Triton's stub has packages of its own, of other versions.
    wanted = {(name, pin) for name, pin in pins(groups()) if name in constrained}
    contradicted = {name for name, _ in wanted} - {
        name for name, pin in wanted if constrained[name] == pin
    }
    assert not contradicted


def test_constraints_are_what_is_installed():
    different = {}
    for name, pin in constraints().items():
        try:
            installed = version(name).partition("+")[0]  # torch 2.13.0+cpu
        except PackageNotFoundError:
            continue  # for another platform
        if installed != pin:
            different[name] = (pin, installed)
    assert not different

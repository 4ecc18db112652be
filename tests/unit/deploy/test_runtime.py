"""Parts of the runtime: named by their inputs, built once, atomically."""

from pathlib import Path

import pytest

from deploy.local import runtime
from deploy.local.console import LocalStackError


class Builder:
    """Counts its builds, and fails when told to."""

    def __init__(self) -> None:
        self.builds = 0
        self.fails = False

    def __call__(self, target: Path) -> None:
        self.builds += 1
        (target / "file").write_text("content")
        if self.fails:
            raise LocalStackError("no network")


@pytest.fixture
def builder() -> Builder:
    return Builder()


def test_a_part_is_built_once(tmp_path: Path, builder: Builder) -> None:
    first = runtime.part(tmp_path, "stub", ["numpy==1.26.4"], builder)
    second = runtime.part(tmp_path, "stub", ["numpy==1.26.4"], builder)

    assert first == second
    assert (first / "file").read_text() == "content"
    assert builder.builds == 1


def test_a_changed_input_builds_beside(tmp_path: Path, builder: Builder) -> None:
    old = runtime.part(tmp_path, "stub", ["numpy==1.26.4"], builder)
    new = runtime.part(tmp_path, "stub", ["numpy==1.26.3"], builder)

    assert old != new
    assert old.is_dir()
    assert builder.builds == 2


def test_a_failed_build_leaves_no_part_and_does_not_spoil_the_next(
    tmp_path: Path, builder: Builder
) -> None:
    builder.fails = True
    with pytest.raises(LocalStackError, match="no network"):
        runtime.part(tmp_path, "stub", [], builder)
    leftovers = list(tmp_path.iterdir())
    assert all(folder.name.endswith(".building") for folder in leftovers)

    builder.fails = False
    part = runtime.part(tmp_path, "stub", [], builder)
    assert list(tmp_path.iterdir()) == [part]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (["a", "b"], ["b", "a"]),
        (["ab", "c"], ["a", "bc"]),
        (["a"], ["a", ""]),
    ],
    ids=["order", "borders", "count"],
)
def test_digests_tell_inputs_apart(one: list[str], other: list[str]) -> None:
    assert runtime.digest(one) == runtime.digest(list(one))
    assert runtime.digest(one) != runtime.digest(other)


def test_pins_come_from_pyproject(tmp_path: Path) -> None:
    pyproject = tmp_path / "pyproject.toml"
    pyproject.write_text(
        '[dependency-groups]\nstub = ["numpy==1.26.4", { include-group = "other" }]\n'
        'other = ["onnx==1.23.2"]\n'
    )
    assert runtime.pins("stub", pyproject) == ["numpy==1.26.4", "onnx==1.23.2"]


def test_the_projects_own_pins_are_exact_and_keep_numpy_1() -> None:
    pins = runtime.pins("triton-server") + runtime.pins("triton-backend")

    # The requirements of numba (llvmlite) and of onnx have to be there: the stub is installed with
    # --no-deps.
    wanted = {"llvmlite", "numba", "numpy", "onnxruntime"}
    wanted |= {"onnx", "ml-dtypes", "protobuf", "typing-extensions"}
    assert {pin.partition("==")[0] for pin in pins} == {"nvidia-pytriton"} | wanted
    assert all("==" in pin for pin in pins)
    assert any(pin.startswith("numpy==1.") for pin in pins), "numpy 2 corrupts the stub's tensors"


def test_outdated_parts_go_when_nothing_runs_from_them(tmp_path: Path, builder: Builder) -> None:
    kept = runtime.part(tmp_path, "server", ["2"], builder)
    outdated = runtime.part(tmp_path, "stub", ["1"], builder)
    running = runtime.part(tmp_path, "backends", ["1"], builder)

    runtime.remove_outdated(tmp_path, {kept}, executables=[str(running / "python" / "stub")])
    assert outdated.is_dir(), "the running backend needs it"

    runtime.remove_outdated(tmp_path, {kept}, executables=[str(kept / "bin" / "server")])
    assert list(tmp_path.iterdir()) == [kept]

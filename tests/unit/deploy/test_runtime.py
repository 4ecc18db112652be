"""Parts of the runtime: named by their inputs, built once, atomically."""

from pathlib import Path

import pytest

from animegan_kernels.compiler import CompilerError
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
    first = runtime.part(tmp_path, "server", ["pytriton==0.7.0"], builder)
    second = runtime.part(tmp_path, "server", ["pytriton==0.7.0"], builder)

    assert first == second
    assert (first / "file").read_text() == "content"
    assert builder.builds == 1


def test_a_changed_input_builds_beside(tmp_path: Path, builder: Builder) -> None:
    old = runtime.part(tmp_path, "server", ["pytriton==0.7.0"], builder)
    new = runtime.part(tmp_path, "server", ["pytriton==0.6.0"], builder)

    assert old != new
    assert old.is_dir()
    assert builder.builds == 2


def test_a_failed_build_leaves_no_part_and_does_not_spoil_the_next(
    tmp_path: Path, builder: Builder
) -> None:
    builder.fails = True
    with pytest.raises(LocalStackError, match="no network"):
        runtime.part(tmp_path, "server", [], builder)
    leftovers = list(tmp_path.iterdir())
    assert all(folder.name.endswith(".building") for folder in leftovers)

    builder.fails = False
    part = runtime.part(tmp_path, "server", [], builder)
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
        '[dependency-groups]\nserver = ["numpy==1.26.4", { include-group = "other" }]\n'
        'other = ["faiss-cpu==1.15.1"]\n'
    )
    assert runtime.pins("server", pyproject) == ["faiss-cpu==1.15.1", "numpy==1.26.4"]


def test_the_projects_own_pins_are_exact() -> None:
    pins = runtime.pins("triton-server") + runtime.pins("triton-onnxruntime")
    assert {pin.partition("==")[0] for pin in pins} == {"nvidia-pytriton", "onnxruntime"}
    assert all("==" in pin for pin in pins)


def test_the_runtime_is_complete() -> None:
    """Built once for all tests of this checkout, as `make setup` builds it."""
    built = runtime.ensure_runtime()
    assert built.binary.is_file()
    assert built.onnxruntime_library.is_file()
    assert (built.onnxruntime / "LICENSE").is_file()
    libraries = {str(file.relative_to(built.backends)) for file in built.backends.rglob("*.so")}
    assert libraries == {
        "animegan_search/libtriton_animegan_search.so",
        "onnxruntime/libanimegan_convolution.so",
        "onnxruntime/libtriton_onnxruntime.so",
    }
    assert not any(file.is_symlink() for file in built.backends.rglob("*"))


def test_a_library_that_cannot_be_compiled_is_an_error_of_the_stack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(_: object) -> None:
        raise CompilerError("there is no compiler")

    monkeypatch.setattr(runtime, "build", build)
    with pytest.raises(LocalStackError, match="there is no compiler"):
        runtime.ensure_runtime(tmp_path)


def test_outdated_parts_go_but_those_that_a_command_line_names(
    tmp_path: Path, builder: Builder
) -> None:
    kept = runtime.part(tmp_path, "server", ["2"], builder)
    runtime.part(tmp_path, "onnxruntime", ["1"], builder)
    running = runtime.part(tmp_path, "backends", ["1"], builder)

    command = f"{kept}/bin/tritonserver --backend-directory={running}"
    runtime.remove_outdated(tmp_path, {kept}, [command])
    assert sorted(tmp_path.iterdir()) == sorted([kept, running])

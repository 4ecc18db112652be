"""What was compiled is hardened as its flags say, by whichever compiler."""

import re
import subprocess
from pathlib import Path

import pytest

from animegan_kernels import build
from animegan_kernels.build import Library
from animegan_kernels.libraries import ALL, CONVOLUTION, TRITON_ONNXRUNTIME, TRITON_SEARCH
from tests.requires import require_library, require_package_index, require_program

# Those whose functions have arrays on the stack, and print or copy to places of known size.
SERVING = (TRITON_SEARCH, TRITON_ONNXRUNTIME)


def read_elf(path: Path, *what: str) -> str:
    command = [require_program("readelf"), "--wide", *what, path]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def assert_linked_safely(path: Path) -> None:
    """Memory is never both written and run, and addresses of functions are fixed at load."""
    segments, dynamic = read_elf(path, "--segments"), read_elf(path, "--dynamic")
    [stack] = re.findall(r"GNU_STACK .*0x[0-9a-f]+ ([RWE ]{3}) 0", segments)
    assert stack.strip() == "RW"
    loaded = re.findall(r"LOAD .*0x[0-9a-f]+ ([RWE ]{3}) 0", segments)
    assert loaded
    assert not [flags for flags in loaded if "W" in flags and "E" in flags]
    assert "GNU_RELRO" in segments
    assert re.search(r"\(FLAGS(_1)?\).*\b(BIND_)?NOW\b", dynamic)
    assert "TEXTREL" not in dynamic
    assert not re.search(r"R(UN)?PATH", dynamic)


def called(path: Path) -> set[str]:
    """Functions of other libraries that it calls."""
    return set(re.findall(r" UND (\w+)", read_elf(path, "--dyn-syms")))


def assert_checked(path: Path) -> None:
    """Stacks are guarded, and _FORTIFY_SOURCE has an effect where sizes are known."""
    functions = called(path)
    assert "__stack_chk_fail" in functions
    assert functions & {"__snprintf_chk", "__vsnprintf_chk"}
    assert not functions & {"sprintf", "vsprintf", "strcpy", "strcat", "gets"}


@pytest.mark.parametrize("library", ALL, ids=lambda library: library.name)
def test_libraries_are_linked_safely(library: Library) -> None:
    assert_linked_safely(require_library(library))


@pytest.mark.parametrize("library", SERVING, ids=lambda library: library.name)
def test_what_the_network_reaches_is_checked_as_it_runs(library: Library) -> None:
    assert_checked(require_library(library))


def test_libraries_show_nothing_but_what_is_called() -> None:
    """A name that is shown can be taken by another library of the process."""
    shown = re.findall(
        r" (?:FUNC|OBJECT) +GLOBAL +DEFAULT +\d+ (\w+)",
        read_elf(require_library(TRITON_SEARCH), "--dyn-syms"),
    )
    assert shown
    assert all(name.startswith(("TRITONBACKEND_", "animegan_target")) for name in shown)
    shown = read_elf(require_library(CONVOLUTION), "--dyn-syms")
    assert "RegisterCustomOps" in shown


def test_what_zig_compiles_is_hardened_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require_package_index()
    monkeypatch.setattr(build, "BUILT", tmp_path)
    monkeypatch.delenv("CC", raising=False)
    build.build([TRITON_ONNXRUNTIME], zig=True)
    assert_linked_safely(TRITON_ONNXRUNTIME.built())
    assert_checked(TRITON_ONNXRUNTIME.built())

"""Compiling libraries: what is built again, what is left behind, and what is said when it fails."""

import ctypes
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from animegan_kernels import build, compiler
from animegan_kernels.build import TARGETS, Library
from animegan_kernels.compiler import CompilerError
from animegan_kernels.libraries import ALL
from tests.requires import require_package_index, require_program, require_target

COMMON = Path(build.__file__).parent / "common"
SMALL = Library(
    "small",
    sources=("target.c", "answer.c"),
    kernels=("kernel.c",),
    links=("-lm",),
)
FILES = {
    "kernel.h": """
        #include "common/target.h"
        enum { ANSWER = 42 };
        FOR_EACH_TARGET(int, answer, (void));""",
    "kernel.c": """
        #include "kernel.h"
        int NAME(answer)(void) { return ANSWER; }""",
    "answer.c": """
        #include "kernel.h"
        __attribute__((visibility("default"))) int answer(void) { return FASTEST(answer)(); }""",
}


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the sources of SMALL, and none of its library."""
    require_program("cc")
    (tmp_path / "common").mkdir()
    (tmp_path / "common" / "target.h").write_text((COMMON / "target.h").read_text())
    (tmp_path / "target.c").write_text(
        (COMMON / "target.c").read_text().replace("target.h", "common/target.h")
    )
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(build, "SOURCES", tmp_path)
    monkeypatch.setattr(build, "BUILT", tmp_path / "built")
    monkeypatch.delenv("CC", raising=False)
    yield tmp_path


def built(sources: Path) -> list[Path]:
    """All that a build has left, but its lock."""
    return [path for path in (sources / "built").iterdir() if path.name != "lock"]


def answer() -> int:
    return int(ctypes.CDLL(str(SMALL.built())).answer())


def test_a_library_is_found_again_where_it_was_built(sources: Path) -> None:
    with pytest.raises(CompilerError, match=r"libsmall\.so is not built: `python -m animegan_ker"):
        SMALL.built()
    build.build([SMALL])
    assert built(sources) == [SMALL.built()]
    assert answer() == 42


def test_what_is_built_is_not_compiled_again(
    sources: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build.build([SMALL])
    monkeypatch.setenv("CC", "no-such-compiler")
    build.build([SMALL])


@pytest.mark.parametrize("changed", ["kernel.h", "kernel.c", "answer.c", "common/target.h"])
def test_a_changed_file_makes_a_new_library_and_the_old_one_goes(
    sources: Path, changed: str
) -> None:
    build.build([SMALL])
    old = SMALL.path
    text = (sources / changed).read_text()
    (sources / changed).write_text(text.replace("ANSWER = 42", "ANSWER = 43") + "\n/* new */\n")
    assert not SMALL.path.exists()
    build.build([SMALL])
    assert built(sources) == [SMALL.path] != [old]
    assert answer() == (43 if changed == "kernel.h" else 42)


def test_a_library_knows_all_files_that_its_compiler_reads() -> None:
    cc = require_program("cc")
    for library in ALL:
        read: set[Path] = set()
        for source in (*library.sources, *library.kernels):
            command = [cc, "-MM", "-DTARGET=portable", "-I", build.SOURCES, build.SOURCES / source]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            _, files = done.stdout.replace("\\\n", " ").split(":", 1)
            read |= {Path(file).resolve() for file in files.split()}
        assert read == set(library.files()), library.name


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_is_in_the_library_and_can_be_chosen(sources: Path, target: str) -> None:
    build.build([SMALL])
    with require_target(SMALL, target):
        assert answer() == 42


def test_an_unknown_target_leaves_the_fastest(
    sources: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build.build([SMALL])
    library = ctypes.CDLL(str(SMALL.built()))
    library.animegan_target.restype = ctypes.c_char_p
    fastest = library.animegan_target()
    monkeypatch.setenv("ANIMEGAN_TARGET", "sse9")
    assert library.animegan_target() == fastest


@pytest.mark.parametrize(
    "mistake",
    [
        "int answer(void) { return 42 }",
        "int answer(long a); int answer(long a) { int b = a; return b; }",  # warnings are errors
    ],
)
def test_what_cannot_be_compiled_is_an_error_and_leaves_nothing(
    sources: Path, mistake: str, capfd: pytest.CaptureFixture[str]
) -> None:
    (sources / "answer.c").write_text(mistake)
    with pytest.raises(CompilerError, match=r"answer\.c .* failed, see above.*--zig"):
        build.build([SMALL])
    assert "answer.c" in capfd.readouterr().err
    assert built(sources) == []


def test_two_builders_at_once_compile_once(
    sources: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: build.build([SMALL]), range(4)))
    assert capfd.readouterr().err.count("libsmall.so compiled by cc in") == 1
    assert built(sources) == [SMALL.path]


def test_sanitized_variants_lie_beside_the_others(
    sources: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build.build([SMALL])
    plain = SMALL.path
    for sanitizer in ("address", "thread"):
        monkeypatch.setenv(build.SANITIZE_VARIABLE, sanitizer)
        build.build([SMALL])
        assert f".{sanitizer}-" in SMALL.built().name
    assert len(built(sources)) == 3
    assert plain.is_file()
    monkeypatch.setenv(build.SANITIZE_VARIABLE, "thraed")
    with pytest.raises(CompilerError, match="'thraed': it may be address or thread"):
        build.build([SMALL])


def test_a_compiler_that_cc_names_and_that_does_not_work_is_an_error(
    sources: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CC", "no-such-compiler")
    with pytest.raises(CompilerError, match=r"CC is 'no-such-compiler', .* there is no program"):
        build.build([SMALL])
    monkeypatch.setenv("CC", "false")
    with pytest.raises(CompilerError, match="CC is 'false', which compiles nothing here"):
        build.build([SMALL])


def test_without_compiler_and_package_index_the_error_says_what_to_install(
    sources: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(sources))
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_CACHE_DIR", str(sources / "cache"))
    with pytest.raises(CompilerError, match="Debian, Ubuntu: apt-get install gcc libc6-dev"):
        build.build([SMALL])
    assert built(sources) == []


def test_cc_that_lacks_headers_is_passed_over(
    sources: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Debian's gcc without libc6-dev, for example."""
    (sources / "cc").write_text("#!/bin/sh\nexit 1\n")
    (sources / "cc").chmod(0o755)
    monkeypatch.setenv("PATH", str(sources), prepend=":")
    zig = compiler.Compiler("zig", ("cc",))
    monkeypatch.setattr(compiler, "_from_pypi", lambda folder: zig)
    assert compiler.find(sources) is zig


@pytest.mark.timeout(900)  # 100 MB to fetch, and zig compiles parts of its own library first
def test_zig_from_pypi_compiles_every_target_and_is_removed(sources: Path) -> None:
    require_package_index()
    build.build([SMALL], zig=True)
    assert built(sources) == [SMALL.path]
    for target in TARGETS:
        with require_target(SMALL, target):
            assert answer() == 42


def test_the_command_builds_all() -> None:
    command = [sys.executable, "-m", "animegan_kernels"]
    subprocess.run(command, check=True)
    assert all(library.path.is_file() for library in ALL)

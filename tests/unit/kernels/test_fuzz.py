"""No input ends the C that hostile bytes reach: the corpora of its fuzz targets, and changed ones.

`make check-c` tries a hundred thousand inputs; how to try more stands in docs/operations/safety.md.
"""

from pathlib import Path

import pytest

from tests.fuzz.programs import CORPUS, NAMES, CrashError, Programs
from tests.requires import require_program

RUNS = 300


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Programs:
    require_program("cc")
    return Programs(tmp_path_factory.mktemp("fuzz"))


@pytest.mark.parametrize("name", NAMES)
def test_no_input_ends_a_target(programs: Programs, name: str) -> None:
    files = len(list((CORPUS / name).iterdir()))
    assert programs.run(name, [f"-runs={RUNS}"]) == (files, RUNS)


def test_an_input_that_ends_a_target_is_found_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A target that is wrong for one byte, which no file of its corpus holds in that place."""
    require_program("cc")
    wrong = """
        #include <stdint.h>
        #include <stddef.h>
        int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);
        int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
            static volatile uint8_t read;
            if (bytes > 2 && data[2] == 'Q') read = data[bytes];
            (void)read;
            return 0;
        }"""
    (tmp_path / "wrong.c").write_text(wrong)
    (tmp_path / "corpus" / "wrong").mkdir(parents=True)
    (tmp_path / "corpus" / "wrong" / "one").write_bytes(b"abcdef")
    monkeypatch.setattr("tests.fuzz.programs._TARGETS", {"wrong": ((), ())})
    monkeypatch.setattr("tests.fuzz.programs.CORPUS", tmp_path / "corpus")
    (tmp_path / "main.c").symlink_to(CORPUS.parent / "main.c")
    monkeypatch.setattr("tests.fuzz.programs.FOLDER", tmp_path)
    programs = Programs(tmp_path / "built", ["wrong"])
    with pytest.raises(CrashError) as found:
        programs.run("wrong", ["-runs=100000"])
    assert "heap-buffer-overflow" in found.value.output
    assert found.value.input is not None
    assert found.value.input[2:3] == b"Q"

"""A file appears whole or not at all, whatever ends the writing."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from animegan_cli.files import write_picture
from animegan_client import files
from animegan_client.files import whole_file, write_file

DATA = b"x" * 100_000


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_at_the_end(tmp_path):
    path = tmp_path / "new" / "folder" / "face.png"
    with whole_file(path) as file:
        file.write(b"ab")
        assert not path.exists()
        assert [name.startswith(".") for name in names(path.parent)] == [True]
        file.write(b"c")
    assert names(path.parent) == ["face.png"]
    assert path.read_bytes() == b"abc"


def test_a_name_may_be_as_long_as_names_are(tmp_path):
    path = tmp_path / ("x" * 251 + ".png")
    write_file(path, b"abc")
    assert path.read_bytes() == b"abc"


def test_a_link_goes_on_pointing_at_its_file(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link.png").symlink_to(tmp_path / "real" / "face.png")
    write_file(tmp_path / "link.png", b"abc")
    assert (tmp_path / "link.png").is_symlink()
    assert (tmp_path / "real" / "face.png").read_bytes() == b"abc"


@pytest.mark.parametrize("suffix", [".png", ".webp", ".jpg", ".JPEG"])
def test_a_picture_has_the_format_of_its_name(tmp_path, suffix):
    write_picture(tmp_path / f"face{suffix}", Image.new("RGB", (3, 2)))
    with Image.open(tmp_path / f"face{suffix}") as picture:
        assert picture.size == (3, 2)


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, ValueError, GeneratorExit])
def test_whatever_is_raised_leaves_the_old_file(tmp_path, kind):
    path = tmp_path / "face.png"
    path.write_bytes(b"old")
    with pytest.raises(kind), whole_file(path) as file:
        file.write(DATA)
        raise kind
    assert names(tmp_path) == ["face.png"]
    assert path.read_bytes() == b"old"


# Between the opening and its block nobody closes the file: Python does, and says so.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interruption_at_any_line_leaves_all_or_nothing(tmp_path):
    """Ctrl-C strikes once, before the first line of `files.py` that runs, then the second, ..."""
    path = tmp_path / "face.png"
    for strike in range(1, 1000):
        path.write_bytes(b"old")
        finished = _written_with_a_strike(path, strike)
        assert names(tmp_path) == ["face.png"], f"at line event {strike}"
        assert path.read_bytes() in (b"old", DATA)
        if finished:
            break
    assert finished
    assert strike > 10
    assert path.read_bytes() == DATA


def _written_with_a_strike(path: Path, strike: int) -> bool:
    """Write; raise KeyboardInterrupt at line event number `strike`. Whether there were fewer."""
    seen = 0

    def local(frame, event, argument):
        nonlocal seen
        seen += event == "line"
        if event == "line" and seen == strike:
            raise KeyboardInterrupt
        return local

    def tracer(frame, event, argument):
        return local if frame.f_code.co_filename == files.__file__ else None

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        write_file(path, DATA)
    except KeyboardInterrupt:
        return False
    finally:
        sys.settrace(before)
    return True


FULL = """
import resource, signal, sys
from pathlib import Path
from PIL import Image
from animegan_cli.files import write_picture
from animegan_client.files import whole_file, write_file
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, LIMIT))
path = Path(sys.argv[1])
try:
    WRITE
except OSError as error:
    print(error.errno, error.filename)
"""


@pytest.mark.parametrize(
    ("limit", "write"),
    [
        (0, "write_file(path, b'x' * 10)"),  # found out when the file is closed
        (0, "with whole_file(path) as file: file.write(b'x')"),
        (50_000, "write_file(path, b'x' * 100_000)"),
        (0, "write_picture(path, Image.new('RGB', (9, 9)))"),
    ],
)
def test_a_full_disk_is_told_by_name_and_leaves_nothing(tmp_path, limit, write):
    script = FULL.replace("(LIMIT, LIMIT)", str((limit, limit))).replace("WRITE", write)
    path = tmp_path / "face.png"
    done = subprocess.run(
        [sys.executable, "-c", script, path], capture_output=True, text=True, check=False
    )
    assert done.stdout == f"{errno.EFBIG} {path}\n", done.stderr
    assert names(tmp_path) == []


@given(st.integers(0, 10), st.lists(st.binary(max_size=50), max_size=10))
def test_what_was_written_in_pieces_is_there_or_nothing_is(tmp_path_factory, stop, chunks):
    folder = tmp_path_factory.mktemp("pieces")
    path = folder / "face.png"
    try:
        with whole_file(path) as file:
            for number, chunk in enumerate(chunks):
                if number == stop:
                    raise OSError(errno.ENOSPC, "No space left on device")
                file.write(chunk)
    except OSError as error:
        assert error.filename == str(path)
        assert names(folder) == []
    else:
        assert path.read_bytes() == b"".join(chunks)


def test_errors_about_something_else_keep_their_name(tmp_path):
    with pytest.raises(FileNotFoundError) as missing, whole_file(tmp_path / "face.png"):
        (tmp_path / "other.png").open()
    assert missing.value.filename == str(tmp_path / "other.png")
    assert names(tmp_path) == []


TERMINATED = """
import signal, sys, time
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests may run under nohup
from pathlib import Path
from animegan_cli.service import run
from animegan_client.files import whole_file

def action():
    with whole_file(Path(sys.argv[1])) as file:
        file.write(b"x" * 100_000)
        print("writing", flush=True)
        time.sleep(60)

sys.exit(run("anime-gan test", action, {}))
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_verb_that_is_terminated_removes_what_is_half_written(tmp_path, number, code):
    with subprocess.Popen(
        [sys.executable, "-c", TERMINATED, tmp_path / "face.png"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        process.send_signal(number)
        assert process.wait(30) == code
    assert names(tmp_path) == []


def test_what_is_no_file_is_written_to_as_it_is(tmp_path):
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_file(pipe, b"picture")
        assert os.read(reader, 100) == b"picture"
        assert pipe.is_fifo()
    finally:
        os.close(reader)


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file.txt").write_text("no folder")
    with pytest.raises(OSError, match=r"file\.txt"):
        write_file(tmp_path / "file.txt" / "x.png", b"picture")

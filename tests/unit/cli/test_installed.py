"""What `pip install anime-gan` gives: the wheel and what it asks for, without the checkout."""

import subprocess
import sys
import zipfile
from collections.abc import Callable
from functools import cache
from importlib import metadata
from pathlib import Path

import pytest

from tests.distributions import closure
from tests.requires import require_module
from tests.unit.client.scripted import pictures, serving

PROJECT = Path(__file__).parents[3]
CALLING = ["generate", "models", "search", "explain", "indexes", "upscale", "methods"]
LISTING = ["models", "indexes", "methods"]  # they handle no pictures
COMMAND = "import sys; from {module} import {attr}; sys.argv[0] = 'anime-gan'; sys.exit({attr}())"

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> metadata.Distribution:
    """The wheel, unpacked as pip does it."""
    require_module("hatchling")
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder],
        cwd=PROJECT, check=True, capture_output=True,
    )  # fmt: skip
    (file,) = folder.glob("*.whl")
    zipfile.ZipFile(file).extractall(folder / "unpacked")
    (info,) = (folder / "unpacked").glob("*.dist-info")
    return metadata.Distribution.at(info)


@pytest.fixture(scope="module")
def run(wheel: metadata.Distribution, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run Python code, or `anime-gan`, where the wheel is installed with some of its extras."""

    @cache
    def installed(extra: str | None) -> list[str]:
        """The wheel's folder, and one with what it asks for."""
        folder = tmp_path_factory.mktemp("packages")
        wanted = set()
        for required in wheel.requires or ():
            name, _, marker = required.partition(";")
            if not marker or (extra and f"'{extra}'" in marker.replace('"', "'")):
                wanted.add(name)
        for name in closure(wanted):
            for top in {file.parts[0] for file in metadata.files(name) or ()} - {"..", "bin"}:
                if not (folder / top).exists():
                    (folder / top).symlink_to(metadata.distribution(name).locate_file(top))
        return [str(wheel.locate_file("")), str(folder)]

    def call(*arguments: str, code: str = "", extra: str | None = None):
        if not code:
            (script,) = wheel.entry_points.select(name="anime-gan")
            code = COMMAND.format(module=script.module, attr=script.attr)
        code = f"import sys; sys.path += {installed(extra)!r}\n{code}"
        # Without `site`, what else is installed here, the checkout too, is not on the path.
        command = [sys.executable, "-I", "-S", "-c", code, *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    return call


def test_help_lists_the_verbs_that_work_and_what_the_others_need(run: Run):
    shown = run("--help", extra="cli").stdout
    listed = [line.split()[0] for line in shown.splitlines() if line.startswith("  ")]
    assert [verb for verb in listed if verb.isalpha() and verb.islower()] == CALLING
    assert shown.count("need a checkout of anime-gan and `make setup-dev`.\n") == 1
    assert "anime-gan[cli]" not in shown
    assert "pip install 'anime-gan[cli]'" in run("--help").stdout


@pytest.mark.parametrize("verb", CALLING)
def test_a_verb_that_is_listed_works(run: Run, verb: str):
    done = run(verb, "--help", extra="cli")
    assert done.returncode == 0, done.stderr
    assert f"usage: anime-gan {verb}" in done.stdout
    assert "gate" not in done.stdout  # steps of a release need a checkout


@pytest.mark.parametrize("arguments", [["train"], ["dataset", "render"], ["models", "gate"]])
def test_a_verb_that_needs_a_checkout_says_so_in_a_line(run: Run, arguments: list[str]):
    done = run(*arguments, extra="cli")
    assert done.returncode == 1
    assert done.stderr == (
        f"anime-gan {arguments[0]}: it is not in this installation; verbs that train, measure and "
        "publish need a checkout of anime-gan and `make setup-dev`\n"
    )


@pytest.mark.parametrize("verb", CALLING)
def test_without_the_extra_a_verb_works_or_names_it(run: Run, verb: str):
    done = run(verb, "--help")
    if verb in LISTING:
        assert done.returncode == 0, done.stderr
    else:
        assert done.returncode == 1
        assert done.stderr.startswith(f"anime-gan {verb}: the module ")
        assert done.stderr.endswith(" is not installed; run `pip install 'anime-gan[cli]'`\n")
        assert done.stderr.count("\n") == 1


CALL = """
from animegan_client import GeneratorClient
with GeneratorClient(sys.argv[1]) as client:
    face = client.generate(seeds=[7]).images[0]
print(face.seed, len(face.data), "PIL" in sys.modules)
try:
    print(face.to_pil().size)
except ModuleNotFoundError as error:
    print(error.name, error)
"""


@pytest.mark.parametrize(
    ("extra", "told"),
    [
        (None, "PIL Pillow is not installed, which decodes pictures: "
               "pip install 'anime-gan[pictures]'"),
        ("pictures", "(1, 1)"),
        ("cli", "(1, 1)"),
    ],
)  # fmt: skip
def test_the_client_needs_pillow_only_to_decode(run: Run, extra: str | None, told: str):
    with serving(pictures) as service:
        done = run(service.target, code=CALL, extra=extra)
    assert done.stdout.splitlines() == ["7 3 False", told], done.stderr


SEND = """
from animegan_client.similarity import messages as search
from animegan_client.upscaler import messages as upscale
print(len(search.query(b"a picture", search.search_options({})).image.data))
options = upscale.upscale_options({})
print(upscale.unary_request(b"a picture", options) is None)
print([part.WhichOneof("part") for part in upscale.stream_requests(b"a picture", options)])
try:
    search.query(3, search.search_options({}))
except TypeError as error:
    print(error)
"""


@pytest.mark.parametrize(("extra", "in_pieces"), [(None, "True"), ("pictures", "False")])
def test_files_are_sent_without_pillow(run: Run, extra: str | None, in_pieces: str):
    """Those to enlarge in pieces: how many pixels there are nobody can tell before."""
    done = run(code=SEND, extra=extra)
    assert done.stdout.splitlines() == [
        "9",
        in_pieces,
        "['start', 'chunk', 'end']",
        "int is no picture: give bytes, a path, a Pillow image",
    ], done.stderr


def test_what_changes_the_clients_stays_in_the_checkout(wheel: metadata.Distribution):
    assert not Path(str(wheel.locate_file("animegan_client/generate_sync.py"))).exists()
    assert Path(str(wheel.locate_file("animegan_client/py.typed"))).exists()

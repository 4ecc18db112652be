"""The page "From your own pictures to a served model", walked from its commands to answers."""

import json
import re
import shlex
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from animegan_cli import main as cli
from animegan_client import GeneratorClient
from animegan_client.similarity import SimilarityClient
from animegan_search.ssim.index.manifest import read_manifest
from deploy.local.stack import Stack
from tests.integration.local.polling import until
from training.datasets.store import Dataset
from training.export.repository import read_card
from training.project.folder import Project
from training.release.history import history
from training.release.store import Store

CHECKOUT = Path(__file__).parents[3]
PAGE = CHECKOUT / "docs" / "training" / "your-own-pictures.md"
COUNT = 2000
SEEDS = [1, 2, 3]
# What is asked for less here: little to learn, little to measure, and no network that sees faces.
SMALL = {
    "[clean]": "no-features = true",
    "[evaluate]": 'metrics = "max_ssim"\ncount = 40',
    "[export]": "only-generator = true",
    "[audit]": "count = 4",
    "[gate]": 'limits = "limits.toml"\ncount = 40',
}
LIMITS = """
parity_levels = 1
latency_ratio = 100.0
images = 20
[figures.max_ssim_most]
at_most = 0.9
"""


def pictures(folder: Path) -> Path:
    """2,000 files in sub-folders: copies, noise, plain and broken ones, and a large one."""
    random = np.random.default_rng(0)

    def save(place: int, name: str, colours: np.ndarray, side: int = 24) -> None:
        path = folder / f"set {place % 4}" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(colours).resize((side, side), Image.Resampling.BICUBIC).save(path)

    blobs = random.integers(0, 256, (COUNT - 40, 4, 4, 3), np.uint8)
    for place, blob in enumerate(blobs):
        save(place, f"{place:04}.png", blob)
    for place in range(10):
        save(place, f"copy {place}.png", blobs[place])
        save(place, f"noise {place}.png", random.integers(0, 256, (24, 24, 3), np.uint8))
        save(place, f"plain {place}.png", np.full((2, 2, 3), 20 * place, np.uint8))
    for place in range(9):
        (folder / f"set {place % 4}" / f"broken {place}.png").write_bytes(b"\x89PNG\r\n\x1a\n torn")
    save(0, "large.png", random.integers(0, 256, (5, 5, 3), np.uint8), side=900)
    return folder


def commands() -> list[list[str]]:
    """The first block of the page."""
    block = re.search(r"\n\n((?:    .+\n)+)", PAGE.read_text(encoding="utf-8"))
    assert block
    return [shlex.split(line) for line in block[1].splitlines()]


def tracked() -> str:
    argv = ["git", "-C", str(CHECKOUT), "status", "--porcelain"]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the pictures, outside the checkout; what is served from it ends with it."""
    pictures(tmp_path / "pictures")
    monkeypatch.chdir(tmp_path)
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield tmp_path
    for number, handler in before.items():  # a training catches them until its process ends
        signal.signal(number, handler)
    Stack(tmp_path / "mine" / ".stack").down()


def shrink(file: Path) -> None:
    """Let a project do less of everything."""
    text = file.read_text().replace("size = 64", "size = 16").replace("64-cpu", "16-tiny", 1)
    text = re.sub(r'preset = "stylegan-64-cpu"', 'preset = "stylegan-16-tiny"', text)
    for table, options in SMALL.items():
        text = re.sub(rf"^{re.escape(table)}.*$", f"{table}\n{options}", text, flags=re.MULTILINE)
    file.write_text(text)
    file.with_name("limits.toml").write_text(LIMITS)


def refused_by_the_gate(publish: list[str]) -> None:
    """What the gate refuses does not get where it could be served."""
    limits = Path("limits.toml")
    limits.write_text(LIMITS.replace("0.9", "-0.9"))
    assert cli.main(publish) == 1
    assert not json.loads(Path("reports/gate/mine.json").read_text())["passed"]
    assert not Path("models").exists()
    limits.write_text(LIMITS)


@pytest.mark.timeout(600)
def test_the_page_leads_from_pictures_to_a_served_model(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before, walked = tracked(), commands()
    assert len([command for command in walked if command[0] == "anime-gan"]) == 5
    for command in walked:
        if command[0] == "cd":
            monkeypatch.chdir(command[1])
            shrink(Path("project.toml"))
            continue
        assert command[0] == "anime-gan"
        more = ["--threads", "1"] if command[2] == "train" else []
        if command[2] == "publish":
            refused_by_the_gate(command[1:])
        assert cli.main([*command[1:], *more]) == 0, capsys.readouterr().err
        assert Path.cwd() == workplace or command[2] != "new"
    said = capsys.readouterr().out
    assert "next: cd mine; anime-gan project import\n" in said
    for step in ("train", "evaluate", "publish"):
        assert f"next: anime-gan project {step}\n" in said
    assert "Useful ones, and the gate's limits, need 1,000" in said

    # What was learnt: neither broken, plain nor double pictures, and none of the held-out ones.
    project = Project.here()
    train, heldout = (Dataset.open(project.dataset(side)) for side in ("train", "heldout"))
    names = {Path(label["id"]).name for label in [*train.labels, *heldout.labels]}
    assert "large.png" in names and not any(name.startswith(("broken", "plain")) for name in names)
    assert sum(name.startswith("copy ") or name in {f"{i:04}.png" for i in range(10)}
               for name in names) == 10  # fmt: skip
    assert len(heldout) > 0.2 * (len(train) + len(heldout))

    # Its licence is that of the pictures, wherever it is told; and it is really served.
    card = read_card(project.models / "mine", 1)
    state = Stack(project.stack).state()
    assert state
    with GeneratorClient(f"127.0.0.1:{state.settings.generator_port}") as client:
        [model] = client.list_models()
        assert (model.name, model.licence, model.is_default) == ("mine", "LicenseRef-private", True)
        drawn = client.generate(seeds=SEEDS)
        assert [image.seed for image in drawn.images] == SEEDS
    assert card["licence"] == card["dataset"]["licence"] == "LicenseRef-private"
    with SimilarityClient(f"127.0.0.1:{state.settings.similarity_port}") as search:
        found = search.search(drawn.images[0].data)
        assert found.index == "mine" and found.verdict is not None
        assert found.count == len(train)

    # Audited and gated.
    assert len(json.loads(Path("reports/audit/report.json").read_text())["images"]) == 4
    gate = json.loads(Path("reports/gate/mine.json").read_text())
    assert gate["passed"] and gate["current"] is None
    assert [entry.action for entry in history(Store(project.models), "mine")] == ["publish", "load"]

    assert cli.main(["project", "status"]) == 0
    assert "all is done" in capsys.readouterr().out
    assert cli.main(["project", "publish"]) == 0  # nothing is made twice
    assert "$ anime-gan" not in capsys.readouterr().out
    a_second_version(workplace / "pictures")
    said = capsys.readouterr().out
    assert "rollback: version 1 serves" in said and "stopped\n" in said
    assert said.endswith("start it again: anime-gan project start\n")
    assert tracked() == before


def a_second_version(pictures: Path) -> None:
    """More pictures and more training; what serves has the index of what it has learnt, always."""
    first = serving()
    assert first[0] == 1
    for place in range(20):
        blob = np.random.default_rng(COUNT + place).integers(0, 256, (4, 4, 3), np.uint8)
        image = Image.fromarray(blob).resize((24, 24), Image.Resampling.BICUBIC)
        image.save(pictures / f"later {place}.png")
    train = ["project", "train", "--threads", "1"]
    for step in (["project", "import"], train, ["project", "evaluate"]):
        assert cli.main(step) == 0
    project = Project.here()
    publish = ["project", "publish"]
    limits = Path("limits.toml")
    limits.write_text(LIMITS.replace("0.9", "-0.9"))
    assert cli.main(publish) == 1
    assert serving() == first
    limits.write_text(LIMITS)
    assert cli.main(publish) == 0
    assert first[1] != project.digest("train")
    until(lambda: serving() == (2, project.digest("train")))  # it looks four times a second

    assert cli.main(["project", "rollback"]) == 0
    until(lambda: serving() == first)
    assert cli.main(["project", "stop"]) == 0
    assert cli.main(["project", "start"]) == 0
    assert serving() == first
    actions = [entry.action for entry in history(Store(project.models), "mine")]
    assert actions == ["publish", "load", "load", "publish", "load", "promote", "rollback"]


def serving() -> tuple[int, str]:
    """The version that draws, and the digest of the images that are searched."""
    [source] = read_manifest(Project.here().index).sources
    state = Stack(Project.stack).state()
    assert state
    with GeneratorClient(f"127.0.0.1:{state.settings.generator_port}") as client:
        drawn = client.generate(seeds=SEEDS)
    with SimilarityClient(f"127.0.0.1:{state.settings.similarity_port}") as search:
        assert search.search(drawn.images[0].data).count == source.count
    return drawn.model_version, source.digest

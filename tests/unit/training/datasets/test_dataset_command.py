"""`anime-gan dataset`: render, sheet and inspect, as a user meets them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.requires import require_renderer
from training.cli.dataset import main
from training.datasets import manifest, rendering
from training.datasets.procedural import RENDERER_VERSION, render, sample
from training.datasets.sheets import contact_sheet
from training.datasets.store import Dataset
from training.files import writing

pytestmark = pytest.mark.usefixtures("skia")


@pytest.fixture
def skia() -> None:
    require_renderer()


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest, "SHARD_IMAGES", 4)


def render_command(directory: Path, *more: str, workers: int = 1, count: int = 10) -> int:
    numbers = ["--count", str(count), "--first-seed", "100", "--workers", str(workers)]
    return main(["render", "--out", str(directory), "--size", "16", *numbers, *more])


def test_a_rendered_dataset_holds_the_faces_of_its_seeds(tmp_path: Path) -> None:
    assert render_command(tmp_path / "faces") == 0
    dataset = Dataset.open(tmp_path / "faces", checksums=True)
    assert dataset.header.name == "faces"
    assert dataset.header.licence == "CC0-1.0"
    assert dataset.header.source == {
        "kind": "procedural",
        "renderer_version": RENDERER_VERSION,
        "first_seed": 100,
    }
    assert [len(dataset), len(dataset.shards)] == [10, 3]
    for index in (0, 5, 9):
        np.testing.assert_array_equal(dataset.images_NHWC[index], render(100 + index, 16))
        assert dataset.labels[index] == {
            "id": index,
            "seed": 100 + index,
            "attributes": sample(100 + index).labels(),
        }


def test_many_processes_render_the_same_bytes_as_one(tmp_path: Path) -> None:
    render_command(tmp_path / "one")
    render_command(tmp_path / "two", workers=2)
    one, two = (Dataset.open(tmp_path / name).digest for name in ("one", "two"))
    assert one == two


def test_an_interrupted_rendering_goes_on_to_the_same_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    render_command(tmp_path / "whole")
    drawn: list[int] = []

    def interrupted(seed: int, size: int) -> np.ndarray:
        if len(drawn) == 6:
            raise KeyboardInterrupt
        drawn.append(seed)
        return render(seed, size)

    with monkeypatch.context() as patch:
        patch.setattr(rendering, "render", interrupted)
        assert render_command(tmp_path / "part") == 130
    assert "the same command goes on" in capsys.readouterr().err

    again: list[int] = []
    monkeypatch.setattr(
        rendering, "render", lambda seed, size: again.append(seed) or render(seed, size)
    )
    assert render_command(tmp_path / "part") == 0
    assert again == list(range(104, 110))  # the first shard of four was kept
    whole, part = (Dataset.open(tmp_path / name).digest for name in ("whole", "part"))
    assert whole == part


def test_a_directory_of_another_dataset_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    render_command(tmp_path / "faces", count=4)
    assert render_command(tmp_path / "faces", count=5) == 1
    assert "count: 4 there, 5 wanted" in capsys.readouterr().err


def test_seeds_beyond_64_bits_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert render_command(tmp_path, "--first-seed", str(2**64 - 3)) == 1
    assert "seeds must be within" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", [["--count", "0"], ["--size", "60"], ["--first-seed", "-1"]])
def test_wrong_options_are_refused(tmp_path: Path, wrong: list[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        render_command(tmp_path, *wrong)
    assert stop.value.code == 2


def test_inspect_prints_what_a_dataset_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    render_command(tmp_path / "faces")
    capsys.readouterr()
    assert main(["inspect", str(tmp_path / "faces")]) == 0
    text = capsys.readouterr().out
    assert Dataset.open(tmp_path / "faces").digest in text
    assert "hair_colour" in text
    assert "checksums verified" in text


def test_inspect_fails_on_damage_that_only_checksums_show(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    render_command(tmp_path / "faces")
    path = tmp_path / "faces" / "images-00000.npy"
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    assert main(["inspect", "--quick", str(tmp_path / "faces")]) == 0
    assert main(["inspect", str(tmp_path / "faces")]) == 1
    assert "images-00000.npy does not match its checksum" in capsys.readouterr().err


def test_a_sheet_shows_a_datasets_images(tmp_path: Path) -> None:
    render_command(tmp_path / "faces")
    sheet = tmp_path / "sheet.png"
    options = ["--first", "7", "--rows", "2", "--columns", "2", "--zoom", "3"]
    assert main(["sheet", "--dataset", str(tmp_path / "faces"), "--out", str(sheet), *options]) == 0
    pixels = np.asarray(Image.open(sheet))
    assert pixels.shape == (96, 96, 3)
    np.testing.assert_array_equal(pixels[:48:3, :48:3], render(107, 16))
    assert (pixels[48:, 48:] == 255).all()  # only three images are left


def test_a_sheet_shows_seeds(tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.png"
    options = ["--rows", "1", "--columns", "2", "--size", "16"]
    assert main(["sheet", "--first-seed", "9", "--out", str(sheet), *options]) == 0
    expected = np.concatenate([render(9, 16), render(10, 16)], axis=1)
    np.testing.assert_array_equal(np.asarray(Image.open(sheet)), expected)


def test_a_sheet_from_behind_the_last_image_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    render_command(tmp_path / "faces", count=4)
    sheet = ["--out", str(tmp_path / "sheet.png"), "--first", "4"]
    assert main(["sheet", "--dataset", str(tmp_path / "faces"), *sheet]) == 1
    assert "behind the last of 4" in capsys.readouterr().err


def test_grey_images_become_a_colour_sheet() -> None:
    sheet_HWC = contact_sheet([np.full((2, 2, 1), 9, np.uint8)], columns=1)
    assert sheet_HWC.shape == (2, 2, 3)
    assert (sheet_HWC == 9).all()


@pytest.mark.parametrize("verb", ["render", "import", "clean", "split"])
def test_a_folder_that_another_process_writes_is_left_alone(
    verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = "faces", "pictures", "taken", "report", "heldout"
    faces, pictures, taken, report, heldout = (str(tmp_path / name) for name in names)
    assert render_command(tmp_path / "faces") == 0
    Path(pictures).mkdir()
    Image.new("RGB", (16, 16), "red").save(f"{pictures}/red.png")
    out, alone = ["--out", taken], ["--workers", "1"]
    of = ["--size", "16", *alone]
    command = {
        "render": ["render", *out, "--count", "4", *of],
        "import": ["import", "folder", pictures, *out, "--licence", "CC0-1.0", *of],
        "clean": ["clean", faces, "--report", report, "--no-features", *alone, "--apply", *out],
        "split": ["split", faces, "--train", taken, "--heldout", heldout, "--share", "0.5"],
    }[verb]
    with writing(Path(taken)):
        before = sorted(Path(taken).iterdir())
        assert main(command) == 1
        assert sorted(Path(taken).iterdir()) == before
    assert "is being written by process" in capsys.readouterr().err
    assert main(command) == 0

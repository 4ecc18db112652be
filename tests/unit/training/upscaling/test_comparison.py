"""Comparing methods: what is measured, what is written, what is never shown."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.integration.tiny_upscalers import TinyUpscaler, write_upscaler
from tests.requires import require_renderer
from training.cli.compare_upscalers import main
from training.upscaling.comparison import compare, to_json
from training.upscaling.comparison_report import draw, to_markdown
from training.upscaling.material import HELDOUT_SEED, Material, even, pictures_of
from training.upscaling.methods import Method, classical_methods, networks
from training.upscaling.quality import DOWNSCALE_FILTERS, downscale, psnr

RANDOM = np.random.default_rng(7)


def soft(height: int = 24, width: int = 24) -> np.ndarray:
    small = RANDOM.integers(0, 256, (height // 4, width // 4, 3), np.uint8)
    return np.asarray(Image.fromarray(small).resize((width, height)))


@pytest.fixture(scope="module")
def material() -> Material:
    return Material("soft noise", [soft() for _ in range(3)], public=True)


def test_networks_are_those_of_the_repository_that_only_double(tmp_path: Path) -> None:
    tiny = TinyUpscaler("tiny")
    write_upscaler(tmp_path, tiny)
    write_upscaler(tmp_path, TinyUpscaler("tiny", noise=1))
    write_upscaler(tmp_path, TinyUpscaler("tiny", scale=1, noise=1))
    (method,) = networks(tmp_path)
    assert method.name == "tiny"
    assert len(method.sha256) == 64
    assert np.array_equal(method.enlarge(np.full((5, 7, 3), 9, np.uint8)), np.full((10, 14, 3), 9))


def test_a_repository_without_networks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="anime-gan waifu2x"):
        networks(tmp_path)


def test_every_method_is_measured_on_every_filter(material: Material) -> None:
    methods = classical_methods()
    cases = compare([material], methods)
    assert {(case.filter, case.method) for case in cases} == {
        (name, method.name) for name in DOWNSCALE_FILTERS for method in methods
    }
    case = next(c for c in cases if (c.filter, c.method) == ("box", "bicubic"))
    bicubic = next(method for method in methods if method.name == "bicubic")
    expected = [psnr(bicubic.enlarge(downscale(p, "box")), p) for p in material.pictures]
    assert case.psnr_db.value == pytest.approx(np.mean(expected))
    assert case.psnr_db.low <= case.psnr_db.value <= case.psnr_db.high
    assert 0 < case.ssim.value < 1


def test_gains_are_differences_to_lanczos(material: Material) -> None:
    cases = {(c.filter, c.method): c for c in compare([material], classical_methods())}
    for (name, _), case in cases.items():
        lanczos = cases[name, "lanczos"]
        difference = case.psnr_db.value - lanczos.psnr_db.value
        assert case.gain_db.value == pytest.approx(difference, abs=1e-9)
    assert cases["box", "lanczos"].gain_db.high == 0


def test_tables_show_the_best_in_bold(material: Material) -> None:
    exact = {downscale(p, name).tobytes(): p for p in material.pictures for name in ("box",)}
    lanczos = classical_methods()[-1]

    def oracle(small: np.ndarray) -> np.ndarray:
        """Nearly the truth where pictures were made small by the box filter."""
        truth = exact.get(small.tobytes())
        return lanczos.enlarge(small) if truth is None else truth ^ 1

    cases = compare([material], (*classical_methods(), Method("oracle", oracle)))
    text = to_markdown(cases, {"soft noise": "3 of 24x24 pixels"})
    assert text.startswith("### Soft noise: 3 of 24x24 pixels\n")
    row = next(line for line in text.splitlines() if line.startswith("| oracle |"))
    assert row.split("|")[2].strip() == "**48.13 ± 0.00**"
    json.dumps(to_json(cases), allow_nan=False)


def test_pictures_come_from_folders_and_archives(tmp_path: Path) -> None:
    truth = soft(21, 24)
    Image.fromarray(truth).save(tmp_path / "b.png")
    Image.fromarray(truth[:8, :8]).save(tmp_path / "a.png")
    archive = tmp_path / "pictures.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for name in ("a.png", "b.png"):
            file.write(tmp_path / name, name)
    for found in (pictures_of(archive, "mine"), pictures_of(tmp_path, "mine")):
        assert not found.public
        assert [picture.shape for picture in found.pictures] == [(8, 8, 3), (20, 24, 3)]
        assert np.array_equal(found.pictures[1], truth[:20])
    assert len(pictures_of(archive, "mine", limit=1).pictures) == 1


def test_sides_are_made_even() -> None:
    assert even(soft(13, 24)).shape == (12, 24, 3)
    assert even(soft(16, 24)).shape == (16, 24, 3)


def test_pictures_that_are_not_public_are_not_drawn(material: Material, tmp_path: Path) -> None:
    red = np.zeros((24, 24, 3), np.uint8)
    red[::2] = (255, 0, 0)
    private = Material("private", [red] * 3, public=False)
    draw([material, private], classical_methods(), [0, 2], tmp_path / "with.png")
    draw([material], classical_methods(), [0, 2], tmp_path / "without.png")
    assert (tmp_path / "with.png").read_bytes() == (tmp_path / "without.png").read_bytes()


def test_the_command_measures_draws_and_fills_the_page(tmp_path: Path, capsys) -> None:
    require_renderer()
    write_upscaler(tmp_path / "models", TinyUpscaler("tiny"))
    page, out = tmp_path / "page.md", tmp_path / "out"
    page.write_text("above\n<!-- comparison: begin -->\n<!-- comparison: end -->\nbelow\n")
    options = ["--count", "2", "--face-size", "32", "--line-art-size", "32", "--show", "1"]
    places = ["--models", str(tmp_path / "models"), "--out", str(out), "--docs", str(page)]
    assert main([*options, *places]) == 0
    record = json.loads((out / "comparison.json").read_text())
    assert record["environment"]["first_seed"] == HELDOUT_SEED
    assert list(record["environment"]["networks"]) == ["tiny"]
    assert record["environment"]["pictures"] == {
        "procedural faces": "2 of 32x32 pixels",
        "line art": "2 of 32x32 pixels",
    }
    assert len(record["cases"]) == 2 * 5 * 5  # materials, filters, methods
    assert "| tiny |" in page.read_text()
    assert page.read_text().endswith("below\n")
    with Image.open(out / "comparison.png") as figure:
        assert figure.width > 800
    assert "| tiny |" in capsys.readouterr().out


def test_what_is_missing_is_said(tmp_path: Path, capsys) -> None:
    assert main(["--models", str(tmp_path)]) == 1
    assert "holds no networks" in capsys.readouterr().err

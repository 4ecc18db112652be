"""`anime-gan upscale --compare`, by the real service with tiny networks."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from animegan_cli.verbs import upscale
from tests.integration.upscaler.material import FILTERS, MODELS, noise, run
from training.upscaling import quality

SOFT = np.asarray(Image.fromarray(noise(12, 9)).resize((90, 120), Image.Resampling.BICUBIC))


@pytest.fixture
def compare(service, tmp_path, monkeypatch, capsys):
    """Run the verb where soft.png lies; return its exit code and what it told."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(SOFT).save("soft.png")

    def run_it(*arguments: str) -> tuple[int, str, str]:
        code = upscale.main([*arguments, "--quiet", "--target", service.target])
        told = capsys.readouterr()
        return code, told.out, told.err

    return run_it


def test_figures_are_those_of_what_each_method_makes(compare):
    code, told, complaints = compare("soft.png", "--compare-downscale", "box", "--scale", "2")
    assert (code, complaints) == (0, "")
    lines = told.splitlines()
    small = quality.downscale(SOFT, "box")
    made = {
        **{
            name: quality.enlarge(small, getattr(Image.Resampling, name.upper()))
            for name in FILTERS
        },
        "other": run(MODELS[3], small),
        "tiny": run(MODELS[0], small),
    }
    assert [line.split()[1] for line in lines[1:-1]] == list(made)
    for line, picture in zip(lines[1:-1], made.values(), strict=True):
        _, method, decibels, similarity = line.split()
        # The service's filters round elsewhere than Pillow's.
        assert float(decibels) == pytest.approx(quality.psnr(picture, SOFT), abs=0.03), method
        assert float(similarity) == pytest.approx(quality.ssim(picture, SOFT), abs=1e-3), method
    with Image.open("comparison.png") as sheet:
        assert lines[-1].startswith(f"comparison.png: {sheet.width}x{sheet.height}, nearest,")


def test_pictures_stand_below_each_other(compare):
    Image.fromarray(noise(1, 1)).save("dot.png")
    assert compare("soft.png", "--compare", "--out", "new/one.webp")[0] == 0
    assert compare("soft.png", "dot.png", "--compare", "--out", "new/two.jpg")[0] == 0
    with Image.open("new/one.webp") as one, Image.open("new/two.jpg") as two:
        assert two.height > 1.8 * one.height


@pytest.mark.parametrize("flags", [["--compare"], ["--compare-downscale", "box"]])
def test_a_picture_that_cannot_be_read_is_left_out(compare, flags):
    content = Path("soft.png").read_bytes()
    Path("broken.png").write_bytes(content[:-100])
    code, told, complaints = compare("broken.png", "soft.png", "missing.png", *flags)
    assert code == 1
    assert "comparison.png: " in told
    assert complaints.splitlines() == [
        "without broken.png: image file is truncated",
        "without missing.png: No such file or directory",
    ]
    assert compare("broken.png", "missing.png", *flags)[:2] == (1, "")


def test_who_cannot_remove_the_noise_is_left_out(compare):
    code, told, complaints = compare("soft.png", "--compare", "--noise", "1", "--tta")
    assert code == 0
    assert told.strip().endswith("lanczos, tiny")
    assert (
        complaints == "without other: other cannot remove noise 1; it has 1x noise 0; 2x noise -1\n"
    )


def test_what_is_transparent_lies_on_paper(compare):
    Image.new("RGBA", (30, 30), (0, 0, 0, 0)).save("nothing.png")
    assert compare("nothing.png", "--compare-downscale", "lanczos")[0] == 0
    with Image.open("comparison.png") as sheet:
        assert (0, 0, 0) not in sheet.convert("RGB").get_flattened_data()


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["soft.png", "--compare", "--method", "tiny"], 2, "--method: a comparison shows every"),
        (["soft.png", "--compare", "--out", "sheet.gif"], 2, "--out: sheet.gif is no image file"),
        (["soft.png", "--compare", "--out", "soft.png"], 2, "would replace a picture"),
        (["soft.png", "--compare", "--scale", "9"], 2, "--scale: 9 is not within 1 and 8"),
        (["soft.png", "--compare-downscale", "box", "--scale", "1.5"], 2, "not 1.5"),
        (["large.png", "--compare"], 2, "large.png: 2100x2000 pixels would become more than"),
        (["dot.png", "--compare-downscale", "box"], 2, "dot.png: 10x10 pixels are too few"),
        (["missing.png", "--compare"], 1, "missing.png"),
    ],
)
def test_a_refusal_is_one_line(compare, arguments, code, told):
    Image.new("1", (2100, 2000)).save("large.png")
    Image.new("1", (10, 10)).save("dot.png")
    found, _, complaint = compare(*arguments)
    assert found == code
    assert told in complaint
    assert complaint.count("\n") == 1


def test_without_a_comparison_an_output_is_needed(compare, capsys):
    with pytest.raises(SystemExit) as exit_:
        compare("soft.png")
    assert exit_.value.code == 2
    assert "--out says where" in capsys.readouterr().err

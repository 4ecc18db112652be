"""A project's folder: what it decides, what it makes, and when that is out of date."""

import os
import shutil
import tomllib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from animegan_cli import main as cli
from deploy.local import components
from tests.integration.tiny_models import GRAY, NOISY, write_model
from training.project.folder import Project
from training.project.serving import SEARCH_MODELS, add_search_models
from training.project.settings import ProjectError, parse_settings, template

CHECKOUT = Path(__file__).parents[4]
FILE = Path("project.toml")
MINIMAL = 'name = "mine"\n[import]\npictures = "p"\nlicence = "CC0-1.0"\n[train]\npreset = "x"\n'


def save(path: Path, seed: int) -> None:
    colours = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(colours).resize((16, 16), Image.Resampling.BICUBIC).save(path)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    for seed in range(40):
        save(tmp_path / "pictures" / f"{seed % 3}" / f"{seed:02}.png", seed)
    return tmp_path / "pictures"


@pytest.fixture
def begun(tmp_path: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that is imported without the slow look for faces; the current folder."""
    folder = tmp_path / "mine"
    argv = ["new", str(folder), "--pictures", str(pictures), "--licence", "CC0-1.0"]
    assert cli.main(["project", *argv, "--preset", "stylegan-16-tiny"]) == 0
    assert sorted(path.name for path in folder.iterdir()) == [".gitignore", "project.toml"]
    monkeypatch.chdir(folder)
    edit("[clean]", "[clean]\nno-features = true\n#")
    assert cli.main(["project", "import"]) == 0
    return folder


def edit(old: str, new: str) -> None:
    text = FILE.read_text()
    assert old in text
    FILE.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("count", "share"), [(200, 0.25), (2_000, 0.25), (5_000, 0.2), (50_000, 0.1)]
)
def test_enough_pictures_are_held_out_where_there_are_enough(count: int, share: float) -> None:
    text = template("mine", Path('/with "quotes" ü'), "MIT", 64, "some-preset", count, Path("w"))
    settings = parse_settings(text, FILE)
    assert settings.tables["split"] == {"share": share}
    assert settings.pictures == '/with "quotes" ü'
    assert (settings.name, settings.preset) == ("mine", "some-preset")
    assert f"of {count:,} this is about {round(share * count):,}" in text


def test_tables_are_the_options_of_commands() -> None:
    text = MINIMAL + 'a_b = 3\nlist = ["x", 2]\nyes = true\nno = false\n'
    options = parse_settings(text, FILE).options("train", "preset")
    assert options == ["--a-b", "3", "--list", "x", "2", "--yes"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name = ", "project.toml"),
        (MINIMAL + "[colour]\n", "'colour' is unknown; there are name, import"),
        (MINIMAL.replace('"mine"', '"My Model"'), "'My Model'"),
        (MINIMAL.replace('licence = "CC0-1.0"', ""), r"\[import\] lacks licence"),
        ('gate = "x"\n' + MINIMAL, r"gate is a table of options: write \[gate\]"),
    ],
)
def test_wrong_settings_are_named(text: str, told: str) -> None:
    with pytest.raises(ProjectError, match=told):
        parse_settings(text, FILE)


def test_a_project_lies_outside_the_checkout(
    pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = CHECKOUT / "a-project"
    argv = ["new", str(folder), "--pictures", str(pictures), "--licence", "MIT"]
    assert cli.main(["project", *argv]) == 1
    assert "choose a folder outside" in capsys.readouterr().err
    assert not folder.exists()


def test_steps_are_taken_in_their_order(begun: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["project", "publish"]) == 1
    assert "is missing: `anime-gan project train`" in capsys.readouterr().err
    assert cli.main(["project", "status", "--project", str(begun)]) == 0
    assert capsys.readouterr().out.endswith("next: anime-gan project train\n")
    FILE.unlink()
    assert cli.main(["project", "status"]) == 1
    assert "begin with `anime-gan project new" in capsys.readouterr().err


def test_an_import_again_takes_in_what_changed_and_nothing_else(
    begun: Path, pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = Project.here().run
    capsys.readouterr()
    assert cli.main(["project", "import"]) == 0
    assert "$ anime-gan" not in capsys.readouterr().out

    # Pictures that change in place, with the size that they had, are other pictures.
    path = next(pictures.rglob("*.png"))
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000))
    assert "have changed" in Project.here().change()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert not Project.here().change()

    save(pictures / "new.png", 99)
    assert cli.main(["project", "import"]) == 0
    header = Project.here().header("")
    assert header and header.count == 41
    assert Project.here().run != first  # a training begins anew, and the old one stays

    # A step that fails leaves the data as they were; and the next one goes on.
    edit("share = 0.25", 'share = "much"')
    assert cli.main(["project", "import"]) == 2
    assert "the options come from project.toml" in capsys.readouterr().err
    assert Project.here().data_is_made() and Project.here().change()
    edit('share = "much"', "share = 0.5")
    assert cli.main(["project", "import"]) == 0
    train, heldout = Project.here().header("train"), Project.here().header("heldout")
    assert train and heldout and heldout.count > 0.3 * (train.count + heldout.count)
    assert heldout.licence == "CC0-1.0"


def test_pictures_that_are_away_stop_an_import_alone(
    begun: Path, pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(pictures)
    assert cli.main(["project", "import"]) == 1
    assert "is not a folder" in capsys.readouterr().err
    assert cli.main(["project", "status"]) == 0
    assert "cannot be looked at" in capsys.readouterr().out
    assert Project.here().data_is_made()


def test_the_template_names_what_is_in_the_repository(begun: Path) -> None:
    [shipped] = [line for line in FILE.read_text().splitlines() if line.startswith("# transfer")]
    path = tomllib.loads(shipped.removeprefix("# "))["transfer"]
    assert Path(path).is_file()


def test_search_models_come_whole(tmp_path: Path) -> None:
    (tmp_path / f".{SEARCH_MODELS[0]}").mkdir()  # of one that was killed
    for _ in range(2):
        add_search_models(tmp_path)
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted(SEARCH_MODELS)


def test_a_stack_draws_with_what_its_repository_has(tmp_path: Path) -> None:
    for model in (NOISY, GRAY):
        write_model(tmp_path, model)
    assert components.generators(tmp_path) == []  # their cards tell no contract
    for model in (NOISY, GRAY):
        card = tmp_path / model.name / "1" / "model_card.json"
        card.write_text(card.read_text().replace("{", '{"contract": "generator", ', 1))
    assert components.generators(tmp_path) == [GRAY.name, NOISY.name]

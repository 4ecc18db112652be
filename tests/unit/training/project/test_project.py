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
from training import files
from training.cli.project import _export, _index
from training.export.repository import versions
from training.files import sha256
from training.gan.presets import PRESETS
from training.gan.snapshots import CURVE
from training.networks.interface import NetworkShape
from training.networks.tensor_file import read_metadata
from training.project.folder import Project
from training.project.serving import SEARCH_MODELS, add_search_models
from training.project.settings import ProjectError, parse_settings, template

CHECKOUT = Path(__file__).parents[4]
FILE = Path("project.toml")
COLOUR = PRESETS["stylegan-64-cpu"].network
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


def written(network: NetworkShape, count: int) -> str:
    pictures = Path('/with "quotes" ü')
    return template("mine", pictures, "MIT", network, "some-preset", count, Path("w"))


@pytest.mark.parametrize(
    ("count", "share"), [(200, 0.25), (2_000, 0.25), (5_000, 0.2), (50_000, 0.1)]
)
def test_enough_pictures_are_held_out_where_there_are_enough(count: int, share: float) -> None:
    text = written(COLOUR, count)
    settings = parse_settings(text, FILE)
    assert settings.tables["split"] == {"share": share}
    assert settings.pictures == '/with "quotes" ü'
    assert (settings.name, settings.preset) == ("mine", "some-preset")
    assert f"of {count:,} this is about {round(share * count):,}" in text


def test_pictures_become_what_the_preset_draws() -> None:
    grey = PRESETS["dcgan-gray"].network
    for network in (COLOUR, grey):
        options = parse_settings(written(network, 200), FILE).options("import", "pictures")
        assert ("--grey" in options) == (network is grey)
        assert options[options.index("--size") + 1] == str(network.resolution)


def test_pictures_may_lie_at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/of mine")
    text = MINIMAL.replace('pictures = "p"', 'pictures = "~/faces"')
    assert parse_settings(text, FILE).pictures == "/home/of mine/faces"


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
        (MINIMAL + 'images = "many"', r"\[train\] images: 'many' is no number"),
        ('gate = "x"\n' + MINIMAL, r"gate is a table of options: write \[gate\]"),
    ],
)
def test_wrong_settings_are_named(text: str, told: str) -> None:
    with pytest.raises(ProjectError, match=told):
        parse_settings(text, FILE)


@pytest.mark.parametrize("folder", [CHECKOUT, CHECKOUT / "a-project"])
def test_a_project_lies_outside_the_checkout(
    folder: Path, pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ["new", str(folder), "--pictures", str(pictures), "--licence", "MIT"]
    assert cli.main(["project", *argv]) == 1
    assert "choose a folder outside" in capsys.readouterr().err
    assert not (folder / FILE).exists()


def test_a_folder_that_ignores_other_things_stays_as_it_is(
    tmp_path: Path, pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / ".gitignore").write_text("*.pyc\n")
    argv = ["new", str(tmp_path), "--pictures", str(pictures), "--licence", "MIT"]
    assert cli.main(["project", *argv]) == 1
    assert "is not a project's" in capsys.readouterr().err
    assert (tmp_path / ".gitignore").read_text() == "*.pyc\n"
    assert not (tmp_path / FILE).exists()


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


@pytest.mark.parametrize("more", ["--run=elsewhere", "--pres", "--data"])
def test_what_the_project_decides_is_not_taken_from_the_command_line(
    begun: Path, more: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["project", "train", more, "dcgan-gray"]) == 1
    assert f"{FILE} decides what is trained" in capsys.readouterr().err
    assert not (begun / "run").exists()


@pytest.mark.parametrize(
    ("more", "told"), [([], "project.toml\n"), (["--batch", "x"], "or your command line\n")]
)
def test_a_wrong_option_is_looked_for_where_it_may_stand(
    begun: Path, more: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if not more:
        edit("[train]", "[train]\nbatch = 'x'")
    assert cli.main(["project", "train", *more]) == 2
    assert capsys.readouterr().err.endswith(told)


def test_one_step_at_a_time_writes_a_project(
    begun: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with files.writing(begun):
        for step in ("import", "train", "evaluate", "publish"):
            assert cli.main(["project", step]) == 1
            assert f"{begun} is being written by process" in capsys.readouterr().err
        assert cli.main(["project", "status"]) == 0
        assert cli.main(["project", "stop"]) == 0
    assert cli.main(["project", "import"]) == 0


def test_start_needs_what_was_published(begun: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["project", "start"]) == 1
    assert "nothing is published yet" in capsys.readouterr().err


def test_steps_follow_what_the_project_says(
    begun: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """More images, other figures, another licence, an export that was killed: each is noticed."""

    def done() -> dict[str, bool]:
        return {name: done for name, done, _ in Project.here().state()}

    train = ["project", "train", "--threads", "1"]
    edit("share = 0.25", "share = 0.5")
    assert cli.main(["project", "import"]) == 0
    edit("[evaluate]", "[evaluate]\nmetrics = 'max_ssim'\ncount = 8")
    edit("[export]", "[export]\nonly-generator = true")
    assert cli.main(train) == 0
    assert done()["train"] and Project.here().trained() == (192, 192)

    # The run goes on to what is asked for now; or ends before, where it is flat.
    edit("[train]", "[train]\nimages = 256")
    assert not done()["train"]
    edit("[train]", "[train]\nstop_when_flat = true")
    curve = Project.here().run / CURVE
    curve.write_text('{"flat_since": null}')
    assert not done()["train"]
    curve.write_text('{"flat_since": 64}')
    assert done()["train"]
    edit("stop_when_flat = true\n", "")
    assert cli.main(train) == 0
    assert done()["train"] and Project.here().trained() == (256, 256)

    # Weights are measured again when they are to be measured otherwise.
    assert cli.main(["project", "evaluate"]) == 0
    assert done()["evaluate"]
    edit("count = 8", "count = 9")
    assert not done()["evaluate"]
    assert cli.main(["project", "evaluate"]) == 0
    assert done()["evaluate"]

    # An export is whole, of these weights, and as [export] says; else it is made again.
    project = Project.here()
    assert _export(project) == 0
    card = project.exported()
    assert card and card["licence"] == "CC0-1.0"
    capsys.readouterr()
    assert _export(project) == 0 and "$ anime-gan" not in capsys.readouterr().out
    edit("[export]", "[export]\ntruncation = 0.5")
    assert Project.here().exported() is None
    killed = project.run / ".export"
    shutil.copytree(project.candidate, killed)
    (killed / "mine" / "config.pbtxt").unlink()
    assert _export(Project.here()) == 0
    card = Project.here().exported()
    assert card and card["default_truncation"] == 0.5
    assert versions(project.candidate / "mine") == [1] and not killed.exists()

    # A licence that was corrected is that of weights and exports, and of the index.
    assert _index(project) == 0
    project.use_index()
    assert project.index_is_current()
    before = sha256(project.weights)
    edit('licence = "CC0-1.0"', 'licence = "LicenseRef-private"')
    assert cli.main(["project", "import"]) == 0
    project = Project.here()
    assert project.weights.exists() and project.exported() is None
    assert not project.index_is_current()
    assert _export(project) == 0 and _index(project) == 0
    project.use_index()
    card = project.exported()
    assert card and card["licence"] == card["dataset"]["licence"] == "LicenseRef-private"
    assert card["training"]["weights"] == sha256(project.weights) != before
    assert '"LicenseRef-private"' in read_metadata(project.weights)["training"]
    assert project.index_is_current() and done()["evaluate"]


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

"""`anime-gan export` from a weights file to a repository, and what it refuses."""

import json
from pathlib import Path

import onnx
import pytest

from training.cli.export import main
from training.export import parity
from training.export.licence import LicenceError, licence_of_weights
from training.export.repository import read_card, versions
from training.files import sha256, writing
from training.metrics.report import for_card
from training.networks.stylegan2 import Generator
from training.networks.weights import save_generator

TRAINING = {
    "preset": "stylegan-16-tiny",
    "images_seen": 192,
    "commit": "0" * 40,
    "options": {"seed": 0},
    "dataset": {"name": "squares", "digest": "1" * 64, "licence": "CC0-1.0"},
}


@pytest.fixture
def weights(tmp_path: Path, noisy: Generator) -> Path:
    path = tmp_path / "generator.safetensors"
    save_generator(path, noisy, TRAINING, {"kid_x1000": 12.5})
    return path


def test_it_publishes_the_four_models(
    tmp_path: Path, weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    models = tmp_path / "models"
    assert main(["--weights", str(weights), "--models", str(models), "--name", "tiny"]) == 0
    names = ["tiny", "tiny_layers", "tiny_mapping", "tiny_synthesis"]
    assert sorted(path.name for path in models.iterdir()) == names
    for name in names:
        onnx.checker.check_model(models / name / "1" / "model.onnx", full_check=True)
        text = (models / name / "1" / "model_card.json").read_text()
        json.loads(text, parse_constant=pytest.fail)  # NaN and Infinity are not JSON
    card = read_card(models / "tiny", 1)
    assert card["kind"] == "stylegan2"
    assert card["metrics"] == {"kid_x1000": 12.5}
    assert card["dataset"] == TRAINING["dataset"]
    assert card["training"]["images_seen"] == 192
    assert card["training"]["weights"] == sha256(weights)
    assert card["licence"] == "CC0-1.0"
    assert card["noise_size"] == 16 + 2 * 64 + 2 * 256
    assert card["parity"]["seeds"] == 256
    assert card["parity"]["max_levels"] <= 1
    assert str(models / "tiny" / "1") in capsys.readouterr().out


def test_it_publishes_the_generator_alone_if_asked(tmp_path: Path, weights: Path) -> None:
    models = tmp_path / "models"
    command = ["--weights", str(weights), "--models", str(models), "--only-generator"]
    assert main([*command, "--name", "tiny"]) == 0
    assert [path.name for path in models.iterdir()] == ["tiny"]


MEASURED = {"value": 50.0, "floor": {"value": 10.0}}
AS_SERVED = for_card(
    {
        "served": {"truncation": 0.7, "noise": "none"},
        "metrics": {"fd": MEASURED, "served_fd": MEASURED},
    }
)


@pytest.mark.parametrize(
    ("options", "remedy"),
    [
        (["--drop-noise"], ""),
        ([], "anime-gan evaluate --record --served-truncation 0.7`"),
        (["--drop-noise", "--truncation", "0.5"], "--served-truncation 0.5 --drop-noise`"),
    ],
)
def test_a_card_tells_figures_of_what_is_served_only(
    tmp_path: Path,
    noisy: Generator,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    remedy: str,
) -> None:
    weights, models = tmp_path / "generator.safetensors", tmp_path / "models"
    save_generator(weights, noisy, TRAINING, AS_SERVED)
    command = ["--weights", str(weights), "--models", str(models), "--only-generator"]
    assert main([*command, "--name", "tiny", *options]) == 0
    told = read_card(models / "tiny", 1)["metrics"]
    message = capsys.readouterr().err
    if remedy:
        assert set(told) == {"fd", "fd_floor", "measured"}
        assert set(told["measured"]["metrics"]) == {"fd"}
        assert told["measured"]["served"] is None
        assert "measured at truncation 0.7 and noise none" in message and remedy in message
    else:
        assert told == AS_SERVED
        assert "as served" not in message


def test_nothing_is_published_without_parity(
    tmp_path: Path,
    weights: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(parity, "MAX_ERROR", 0.0)
    assert main(["--weights", str(weights), "--models", str(tmp_path / "models")]) == 1
    assert "is off by" in capsys.readouterr().err
    assert not (tmp_path / "models").exists()


def test_broken_weights_are_refused(
    tmp_path: Path, weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights.write_bytes(weights.read_bytes()[:-100])
    command = ["--models", str(tmp_path / "models"), "--weights"]
    assert main([*command, str(weights)]) == 1
    assert "not a readable safetensors file" in capsys.readouterr().err
    assert main([*command, str(tmp_path / "none.safetensors")]) == 1
    assert "no such weights file" in capsys.readouterr().err
    assert versions(tmp_path / "models" / "stylegan") == []


def test_weights_of_unknown_licence_are_not_published_without_a_word(
    tmp_path: Path, noisy: Generator, capsys: pytest.CaptureFixture[str]
) -> None:
    weights, models = tmp_path / "generator.safetensors", tmp_path / "models"
    unknown = {**TRAINING["dataset"], "licence": "LicenseRef-unknown"}
    save_generator(weights, noisy, {**TRAINING, "dataset": unknown}, {})
    command = ["--weights", str(weights), "--models", str(models), "--only-generator"]
    assert main(command) == 1
    assert (
        "follows that of squares, which is not known: say by --licence" in capsys.readouterr().err
    )
    assert not models.exists()
    assert main([*command, "--licence", "CC-BY-4.0"]) == 0
    assert read_card(models / "stylegan", 1)["licence"] == "CC-BY-4.0"


def test_weights_have_the_licences_of_all_that_they_learnt_from() -> None:
    free, private = {"licence": "CC0-1.0"}, {"licence": "LicenseRef-private"}
    assert licence_of_weights(None, [private, free, private]) == "CC0-1.0 AND LicenseRef-private"
    assert licence_of_weights("MIT", [private]) == licence_of_weights("MIT", []) == "MIT"
    for datasets in ([], [free, {"name": "found"}]):
        with pytest.raises(LicenceError):
            licence_of_weights(None, datasets)


def test_licences_that_leave_a_choice_are_bracketed_where_others_hold_too() -> None:
    def joined(*licences: str) -> str:
        return licence_of_weights(None, [{"licence": licence} for licence in licences])

    either = "MIT OR CC0-1.0"  # AND would bind more tightly: private or else nothing but MIT
    assert joined(either) == either
    assert joined(either, "LicenseRef-private") == f"({either}) AND LicenseRef-private"
    assert joined(f"({either})", "ISC") == f"({either}) AND ISC"
    assert joined("(MIT OR ISC) OR (ISC)", "0BSD") == "((MIT OR ISC) OR (ISC)) AND 0BSD"
    assert joined("LicenseRef-OR", "MIT AND (ISC OR 0BSD)") == (
        "LicenseRef-OR AND MIT AND (ISC OR 0BSD)"
    )


def test_the_licence_of_weights_that_a_run_began_with_holds_too(
    tmp_path: Path, noisy: Generator
) -> None:
    private = {"name": "mine", "digest": "2" * 64, "licence": "LicenseRef-private"}
    begun_with = {"sha256": "3" * 64, "datasets": [private]}
    weights, models = tmp_path / "generator.safetensors", tmp_path / "models"
    save_generator(weights, noisy, {**TRAINING, "begun_with": begun_with}, {})
    command = ["--weights", str(weights), "--models", str(models), "--only-generator"]
    assert main(command) == 0
    card = read_card(models / "stylegan", 1)
    assert card["licence"] == "CC0-1.0 AND LicenseRef-private"
    assert card["training"]["begun_with"] == begun_with


def test_a_model_that_another_process_publishes_is_refused_in_a_line(
    tmp_path: Path, noisy: Generator, capsys: pytest.CaptureFixture[str]
) -> None:
    weights, models = tmp_path / "generator.safetensors", tmp_path / "models"
    save_generator(weights, noisy, TRAINING, {})
    with writing(models / "stylegan"):
        command = ["--weights", str(weights), "--models", str(models), "--only-generator"]
        assert main(command) == 1
    assert "stylegan is being written by process" in capsys.readouterr().err


def test_a_truncation_outside_its_range_is_refused(weights: Path) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["--weights", str(weights), "--truncation", "2.5"])
    assert exit_.value.code == 2

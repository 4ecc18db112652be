"""The command line: what it does without a service, and how it refuses."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from animegan_cli import main as cli
from animegan_cli.verbs import VERBS, CannotLoadError, Verb, load
from tests.unit.client.scripted import pictures, searching, serving


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch):
    monkeypatch.delenv("ANIMEGAN_TARGET", raising=False)
    monkeypatch.delenv("ANIMEGAN_TOKEN", raising=False)


def refused(argv: list[str]) -> int:
    """The exit code, whether it is returned or raised by argparse."""
    try:
        return cli.main(argv)
    except SystemExit as stop:
        assert isinstance(stop.code, int)
        return stop.code


def test_help_lists_every_verb(capsys):
    with pytest.raises(SystemExit, match="0"):
        cli.main(["--help"])
    shown = capsys.readouterr().out
    for purpose, verbs in VERBS.items():
        assert f"\n{purpose}:\n" in shown
        for verb in verbs:
            assert re.search(rf"^  {verb.name} +{re.escape(verb.help)}$", shown, re.MULTILINE)


@pytest.mark.parametrize("verb", ["generate", "models"])
def test_help_of_a_verb_names_the_environment(verb, capsys):
    with pytest.raises(SystemExit, match="0"):
        cli.main([verb, "--help"])
    assert "ANIMEGAN_TARGET" in capsys.readouterr().out


@pytest.mark.parametrize(
    "verb", [verb for verbs in VERBS.values() for verb in verbs], ids=lambda verb: verb.name
)
def test_every_verb_has_a_function(verb):
    assert callable(load(verb))


def test_a_verb_without_its_package_says_what_to_install():
    verb = Verb("train", "training.cli.missing:main", "train a model", "training")
    with pytest.raises(CannotLoadError, match=r"'training.cli.missing'.*--group training"):
        load(verb)


def test_a_folder_of_its_name_is_no_installation(tmp_path, monkeypatch):
    """Such as `training` with somebody's pictures, where the command is called."""
    (tmp_path / "faces_to_train").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    verb = Verb("train", "faces_to_train.cli:main", "train a model", "training")
    assert not verb.is_installed
    with pytest.raises(CannotLoadError, match="need a checkout"):
        load(verb)


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["paint"], "invalid choice: 'paint'"),
        (["generate", "--seeds", "1"], "--out"),
        (["generate", "--out", "x.png"], "--seeds --count"),
        (["generate", "--seeds", "5-3", "--out", "x.png"], "'5-3' counts down; write 3-5"),
        (["generate", "--seeds", "1", "--count", "2", "--out", "x.png"], "not allowed with"),
        (["generate", "--seeds", "1", "--out", "x.txt"], "--out: x.txt is no image file"),
        (["generate", "--seeds", "0-99999", "--out", "x.png"], "at most 10000 faces, not 100000"),
        (["generate", "--count", "-3", "--out", "x.png"], "--count: -3 does not fit"),
        (["generate", "--count", "1", "--base-seed", "-1", "--out", "x.png"], "--base-seed: -1"),
        (["generate", "--seeds", "1", "--format", "gif", "--out", "x.png"], "'gif'"),
        (["models", "--ca", "/nowhere/ca.pem"], "--ca: "),
    ],
)
def test_wrong_usage_is_told_in_one_line_and_exits_2(argv, told, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert refused(argv) == 2
    shown = capsys.readouterr()
    assert told in shown.err
    assert shown.err.count("\n") == 1
    assert shown.out == ""
    assert not list(tmp_path.iterdir())


def test_an_absent_service_is_told_in_one_line_and_exits_1(capsys):
    with serving(pictures) as service:
        target = service.target
    assert cli.main(["models", "--target", target]) == 1
    shown = capsys.readouterr()
    assert shown.err.count("\n") == 1
    assert "--target" in shown.err


def test_a_folder_that_cannot_be_written_exits_1(capsys, tmp_path):
    (tmp_path / "file").write_text("")
    assert cli.main(["generate", "--seeds", "1", "--out", f"{tmp_path}/file/faces/"]) == 1
    assert "file" in capsys.readouterr().err


def test_a_stdout_that_takes_nothing_exits_1_in_one_line(tmp_path):
    (tmp_path / "1.png").write_bytes(b"1")
    with searching() as target, Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "animegan_cli.main", "search", tmp_path / "1.png"],
            env={**os.environ, "ANIMEGAN_SIMILARITY_TARGET": target},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == "anime-gan search: [Errno 28] No space left on device: 'stdout'\n"


def test_a_token_with_its_end_of_line_is_told_by_the_variables_name(capsys, monkeypatch):
    monkeypatch.setenv("ANIMEGAN_TOKEN", "s3cret\n")
    assert cli.main(["models", "--target", "127.0.0.1:1"]) == 2
    shown = capsys.readouterr()
    assert shown.err.startswith("anime-gan models: ANIMEGAN_TOKEN: ")
    assert "s3cret" not in shown.err


def test_a_file_that_cannot_be_written_leaves_nothing(capsys, tmp_path):
    """A folder stands where the second file should go."""
    (tmp_path / "seed-2.raw").mkdir()
    with serving(pictures) as service:
        out = f"{tmp_path}/"
        seeds = ["--seeds", "0-3", "--target", service.target, "--quiet"]
        assert cli.main(["generate", *seeds, "--out", out]) == 1
    assert "seed-2.raw" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "seed-0.raw", "seed-1.raw", "seed-2.raw",
    ]  # fmt: skip

"""What `make check-bare` hands on to its roots; that the commands work there, it tells itself."""

from pathlib import Path

import pytest

from tests.requires import require_program
from tests.system import check_bare


def test_of_the_environment_only_the_way_to_registries_goes_along(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    handed_on = {"PIP_INDEX_URL": "there", "https_proxy": "proxy", "SSL_CERT_FILE": "file"}
    kept = {"ANIMEGAN_REQUIRE_ALL": "1", "PYTHONPATH": "here", "CC": "gcc", "VIRTUAL_ENV": "env"}
    for name, value in (handed_on | kept).items():
        monkeypatch.setenv(name, value)
    environment = check_bare.environment()
    assert handed_on.items() <= environment.items()
    assert not kept.keys() & environment.keys()


def test_certificates_take_the_place_of_others(tmp_path: Path) -> None:
    """Folders of certificates hold links to files that a root lacks, or has of its own."""
    for name in ("machine", "root"):
        (tmp_path / name / "certs").mkdir(parents=True)
        (tmp_path / name / "real.pem").write_text(name)
        (tmp_path / name / "certs" / "a.pem").symlink_to(tmp_path / name / "real.pem")
    (tmp_path / "machine" / "certs" / "dangling.pem").symlink_to("nowhere")
    check_bare.copy(tmp_path / "machine" / "certs", tmp_path / "root" / "certs")
    assert (tmp_path / "root" / "certs" / "a.pem").read_text() == "machine"
    assert not (tmp_path / "root" / "certs" / "a.pem").is_symlink()
    assert (tmp_path / "root" / "real.pem").read_text() == "root"


def test_it_says_what_it_lacks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    require_program("tar")
    monkeypatch.setattr("sys.argv", ["check_bare.py"])
    monkeypatch.setattr(check_bare, "PROGRAMS", ("tar", "no-such-program"))
    assert check_bare.main() == 2
    assert "needs the programs no-such-program" in capsys.readouterr().err

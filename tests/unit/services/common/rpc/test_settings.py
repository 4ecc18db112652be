import json

import pytest

from services.generator.settings import GeneratorSettings

PREFIX = "ANIMEGAN_GENERATOR_"


def load(*flags: str) -> GeneratorSettings:
    return GeneratorSettings.from_command_line("generator", flags)


def test_defaults_are_those_of_the_design():
    settings = load()
    assert (settings.port, settings.metrics_port) == (50051, 9101)
    assert settings.triton_url == "127.0.0.1:8000"
    assert settings.max_images == 256
    assert settings.max_request_bytes == 2**20


def test_flags_beat_the_environment_which_beats_defaults(monkeypatch):
    monkeypatch.setenv(PREFIX + "PORT", "1234")
    monkeypatch.setenv(PREFIX + "MAX_IMAGES", "7")
    settings = load("--port", "4321")
    assert (settings.port, settings.max_images, settings.sub_batch) == (4321, 7, 8)


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (["--port", "65536"], "--port / ANIMEGAN_GENERATOR_PORT: "),
        (["--max-images", "0"], "--max-images / ANIMEGAN_GENERATOR_MAX_IMAGES: "),
        (["--drain-wait-s", "-1"], "--drain-wait-s / ANIMEGAN_GENERATOR_DRAIN_WAIT_S: "),
        (["--max-images", "5000"], "max_images_in_flight must be at least 5008"),
        (["--no-such-flag", "1"], "--no-such-flag"),
    ],
)
def test_mistakes_are_explained(flags, complaint, capsys):
    with pytest.raises(SystemExit) as exit_:
        load(*flags)
    assert exit_.value.code == 2
    output = capsys.readouterr().err
    assert complaint in output
    assert "Traceback" not in output


def test_help_tells_what_every_setting_does(capsys):
    with pytest.raises(SystemExit) as exit_:
        load("--help")
    assert exit_.value.code == 0
    output = " ".join(capsys.readouterr().out.split())
    for name, field in GeneratorSettings.model_fields.items():
        assert f"--{name.replace('_', '-')} " in output
        assert field.description, name
        assert " ".join(field.description.split())[:20] in output


def test_what_is_printed_at_start_holds_no_secret(monkeypatch):
    monkeypatch.setenv(PREFIX + "AUTH_TOKEN", "swordfish")
    settings = load()
    assert settings.auth_token.get_secret_value() == "swordfish"
    assert "swordfish" not in json.dumps(settings.model_dump(mode="json"))
    assert "swordfish" not in repr(settings)

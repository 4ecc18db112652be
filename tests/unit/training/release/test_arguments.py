"""Where the steps of a release act: what is named, else the environment."""

import argparse

import pytest

from training.cli.models.arguments import add_step_on_tritons, open_store, open_tritons

ENVIRONMENT = {
    "ANIMEGAN_MODELS": "s3://bucket/models",
    "ANIMEGAN_TRITONS": "127.0.0.1:18001 127.0.0.1:18002",
    "ANIMEGAN_TRITON_ADMIN_KEY": "key",
}


@pytest.mark.parametrize(
    ("named", "repository", "urls"),
    [
        ([], "s3://bucket/models", ["127.0.0.1:18001", "127.0.0.1:18002"]),
        (["--models=models", "--triton=127.0.0.1:8001"], "models", ["127.0.0.1:8001"]),
    ],
)
def test_what_is_named_goes_before_the_environment(monkeypatch, named, repository, urls):
    for variable, value in ENVIRONMENT.items():
        monkeypatch.setenv(variable, value)
    parser = argparse.ArgumentParser()
    add_step_on_tritons(parser.add_subparsers(), "rollback", "Go back")
    arguments = parser.parse_args(["rollback", *named])
    assert open_store(arguments).url == repository
    with open_tritons(arguments) as tritons:
        assert tritons.urls == urls

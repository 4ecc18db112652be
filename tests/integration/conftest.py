"""A real Triton for all integration tests: started once per run, on free ports."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.triton import LocalTriton
from tests.integration.tiny_models import GRAY, NOISY, STYLEGAN, write_model


@pytest.fixture(scope="session")
def model_repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three tiny generators: with truncation, with truncation and noise, with neither."""
    repository = tmp_path_factory.mktemp("models")
    write_model(repository, STYLEGAN, instances=2)
    write_model(repository, NOISY)
    write_model(repository, GRAY)
    return repository


@pytest.fixture(scope="session")
def triton(
    model_repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalTriton]:
    """A Triton that serves `model_repository`. Tests that break a server start their own."""
    log = tmp_path_factory.mktemp("triton") / "triton.log"
    with LocalTriton(model_repository, log=log) as server:
        yield server

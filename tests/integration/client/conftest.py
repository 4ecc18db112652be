"""A stack of its own for the client: Triton, generator service and supervisor, on free ports."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.stack import Stack
from deploy.local.state import StackSettings


@pytest.fixture(scope="session")
def target(model_repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a generator service that serves the tiny models."""
    settings = StackSettings(model_repository).on_free_ports()
    stack = Stack(tmp_path_factory.mktemp("stack"))
    stack.up(settings)
    yield f"127.0.0.1:{settings.generator_port}"
    stack.down()

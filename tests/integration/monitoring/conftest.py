"""A platform that is watched: the local stack, Prometheus, Alertmanager and who it tells."""

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

from animegan_client import AnimeganError, GeneratorClient, SimilarityClient, UpscalerClient
from deploy.local import processes
from deploy.local.monitoring import MonitoringSettings
from deploy.local.stack import Stack
from deploy.local.state import StackSettings
from tests.integration.monitoring.webhook import Webhook, webhook
from tests.integration.similarity.material import COLOUR, HELDOUT, png
from tests.integration.similarity.material import MODELS as SEARCH_MODELS
from tests.integration.tiny_models import STYLEGAN, write_model
from tests.integration.tiny_upscalers import TinyUpscaler, write_upscaler
from tests.requires import require_program
from tests.unit.search.ssim.index.material import write_index

PROJECT = Path(__file__).parents[3]
# An evaluation interval of 30 s becomes the shortest that there is, a second.
HURRY = 30.0


@dataclass(frozen=True)
class Platform:
    """What runs, and how to ask it."""

    folder: Path  # the stack's state directory
    settings: StackSettings
    monitoring: MonitoringSettings
    webhook: Webhook

    @property
    def stack(self) -> Stack:
        return Stack(self.folder)

    def metrics(self, part: str) -> str:
        """What a part of the stack shows to Prometheus."""
        port = getattr(self.settings, f"{part}_metrics_port")
        with urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            return answer.read().decode()

    def prometheus(self, path: str, **parameters: str) -> Any:
        """The data of an answer of Prometheus' API."""
        url = f"http://127.0.0.1:{self.monitoring.prometheus_port}/api/v1/{path}"
        with urlopen(f"{url}?{urlencode(parameters)}") as answer:
            return json.load(answer)["data"]

    def query(self, promql: str) -> list[Mapping[str, Any]]:
        return self.prometheus("query", query=promql)["result"]

    def generates(self) -> bool:
        """Whether faces can be had; makes a call either way."""
        with GeneratorClient(f"127.0.0.1:{self.settings.generator_port}", timeout=3) as client:
            try:
                return len(client.generate(count=3).images) == 3
            except AnimeganError:
                return False

    def use(self) -> None:
        """Call methods of all services, so that their metrics have samples."""
        with GeneratorClient(f"127.0.0.1:{self.settings.generator_port}") as client:
            assert len(list(client.generate_stream(count=3))) == 3
            with pytest.raises(AnimeganError):
                client.generate(count=1, truncation=-1)
        with SimilarityClient(f"127.0.0.1:{self.settings.similarity_port}") as similarity:
            similarity.search(png(COLOUR[0]), model="stylegan")
        with UpscalerClient(f"127.0.0.1:{self.settings.upscaler_port}") as upscaler:
            upscaler.upscale(png(COLOUR[0]))
        assert self.generates()


@pytest.fixture(scope="package")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    for program in ("prometheus", "promtool", "prometheus-alertmanager"):
        require_program(program)
    folder = tmp_path_factory.mktemp("watched")
    settings = StackSettings(_repository(folder), folder / "indexes", "colour").on_free_ports()
    write_index(folder / "indexes" / "colour", COLOUR, HELDOUT, shard_images=50)
    stack = Stack(folder / "run")
    with webhook() as told, pytest.MonkeyPatch.context() as environment:
        environment.setenv("ANIMEGAN_GENERATOR_CANARY_PATIENCE_S", "4")  # it is soon not ready
        prometheus, alertmanager = processes.free_ports(2)
        monitoring = MonitoringSettings(prometheus, alertmanager, HURRY, told.url)
        try:
            stack.up(settings)
            parts = stack.monitor(monitoring)
            yield Platform(folder / "run", settings, monitoring, told)
        finally:
            stack.down()
        assert not any(part.process() for part in parts)


def _repository(folder: Path) -> Path:
    """A small generator, a small upscaler and the two models of the search."""
    repository = folder / "models"
    write_model(repository, STYLEGAN, instances=2)
    write_upscaler(repository, TinyUpscaler("tiny"))
    for model in SEARCH_MODELS:
        shutil.copytree(PROJECT / "models" / model, repository / model)
    return repository

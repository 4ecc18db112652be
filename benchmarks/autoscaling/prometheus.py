"""A real Prometheus that scrapes the replay's pods."""

import json
import os
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

import psutil
import yaml

from deploy.local import processes
from deploy.local.monitoring import program

_READY_SECONDS = 30.0
_ANSWER_SECONDS = 5.0
_STOP_SECONDS = 5.0


class Prometheus:
    """It lives as long as the block."""

    def __init__(self, folder: Path, targets: Path) -> None:
        """Keep everything in `folder`; scrape every second what the file `targets` lists."""
        (port,) = processes.free_ports(1)
        self._folder = folder
        self._port = port
        self._process: psutil.Process | None = None
        scrape = {"job_name": "pods", "file_sd_configs": [{"files": [str(targets)]}]}
        config = {"global": {"scrape_interval": "1s"}, "scrape_configs": [scrape]}
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config))

    def __enter__(self) -> Self:
        """Start it, and wait until it answers."""
        log = self._folder / "prometheus.log"
        argv = [
            program("prometheus"),
            f"--config.file={self._folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={self._folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self._port}",
        ]
        process = processes.spawn(argv, os.environ, log, die_with_us=True)
        self._process = process
        processes.wait_for("Prometheus", lambda: process, log, self._missing, _READY_SECONDS)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop it."""
        if self._process:
            processes.stop_tree(self._process, _STOP_SECONDS)

    def value(self, query: str) -> float | None:
        """The one value that a query has now; None if it has none."""
        result = json.loads(self._get(f"api/v1/query?{urlencode({'query': query})}"))
        samples = result["data"]["result"]
        return float(samples[0]["value"][1]) if samples else None

    def _missing(self) -> str:
        try:
            self._get("-/ready")
        except (URLError, TimeoutError) as error:
            return str(error)
        return ""

    def _get(self, path: str) -> bytes:
        url = f"http://127.0.0.1:{self._port}/{path}"
        with urlopen(url, timeout=_ANSWER_SECONDS) as answer:  # our own http URL
            body: bytes = answer.read()
            return body

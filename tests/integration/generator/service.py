"""A service in a process of its own, as an operator starts it, for tests to talk to."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

_OF_GRPC = re.compile(r"[IWE][0-9]{4} [0-9:.]+ +[0-9]+ \w+\.cc:")  # a line of its log

PROJECT = Path(__file__).parents[3]
START_S = 60.0  # the machine may be busy


class ServiceProcess(AbstractContextManager["ServiceProcess"]):
    """`python -m services.<name>` on free ports; the block ends it."""

    name = "generator"

    def __init__(self, triton_url: str, log: Path, *flags: str, **environment: str) -> None:
        """Prepare to start it. `flags` and `environment` go beside those for tests."""
        defaults = ("--port", "0", "--metrics-port", "0", "--drain-wait-s", "0")
        module = f"services.{self.name}"
        self._command = [sys.executable, "-m", module, "--triton-url", triton_url]
        self._command += [*defaults, "--canary-interval-s", "0.1", "--canary-patience-s", "2"]
        self._command += flags
        path = os.pathsep.join([str(PROJECT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
        self._environment = os.environ | {"PYTHONPATH": path} | environment
        self._log = log

    def __enter__(self) -> "ServiceProcess":
        with self._log.open("w") as log:
            # Without a folder of its own, and with open files inherited, it starts by posix_spawn.
            # After a fork gRPC's handlers would run in it first: under a sanitizer, where a vfork
            # is one, they ended it now and then.
            self.process = subprocess.Popen(
                self._command, stdout=log, stderr=log, env=self._environment, close_fds=False
            )
        try:
            self.ports = self.wait_for_event("serving")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.ports['port']}"

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def log_text(self) -> str:
        return self._log.read_text()

    def events(self) -> list[dict[str, Any]]:
        """What it has logged; a line that is no JSON fails the test."""
        complete = self.log_text().rpartition("\n")[0]
        # gRPC in this process may write, too, between the fork and the start of the program.
        ours = (line for line in complete.splitlines() if not _OF_GRPC.match(line))
        return [json.loads(line) for line in ours]

    def wait_for_event(self, name: str, **fields: object) -> dict[str, Any]:
        end = time.monotonic() + START_S
        while time.monotonic() < end:
            for event in self.events():
                if event["event"] == name and fields.items() <= event.items():
                    return event
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        raise AssertionError(f"no event {name!r}; the log:\n{self.log_text()}")

    def metrics_text(self) -> str:
        url = f"http://127.0.0.1:{self.ports['metrics_port']}/metrics"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.read().decode()

    def metric(self, name: str, **labels: str) -> float:
        """The value of a sample; 0 while it does not exist."""
        for family in text_string_to_metric_families(self.metrics_text()):
            for sample in family.samples:
                if sample.name == name and sample.labels == labels:
                    return sample.value
        return 0.0

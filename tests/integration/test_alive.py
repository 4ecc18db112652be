"""The liveness of Triton's pods, `deploy/images/alive.py`, against a real Triton."""

import threading
import time
from collections.abc import Iterator

import numpy as np
import psutil
import pytest
import tritonclient.grpc as triton_grpc

from deploy.images import alive
from deploy.local import processes, stubs
from deploy.local.runtime import PROJECT
from deploy.local.triton import LocalTriton
from tests.integration.local.polling import until
from tests.integration.tiny_models import GRAY, write_model

SLEEPER = """
import time
import triton_python_backend_utils as pb_utils

class TritonPythonModel:
    def execute(self, requests):
        time.sleep(0.5 * len(requests))
        return [pb_utils.InferenceResponse([]) for _ in requests]
"""
SLEEPER_CONFIG = """
name: "sleeper" backend: "python" max_batch_size: 0
input [ { name: "x" data_type: TYPE_FP32 dims: [ 1 ] } ]
output [ { name: "y" data_type: TYPE_FP32 dims: [ 1 ] } ]
instance_group [ { count: 1 kind: KIND_CPU } ]
"""


@pytest.fixture(scope="module")
def triton(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalTriton]:
    """The search models, which have their own canaries; a network; and a model that sleeps."""
    folder = tmp_path_factory.mktemp("alive")
    models = folder / "models"
    write_model(models, GRAY)
    for name in ("ssim_search", "ssim_index", "copy_search"):
        (models / name).symlink_to(PROJECT / "models" / name)
    (models / "sleeper" / "1").mkdir(parents=True)
    (models / "sleeper" / "1" / "model.py").write_text(SLEEPER)
    (models / "sleeper" / "config.pbtxt").write_text(SLEEPER_CONFIG)
    with LocalTriton(models, log=folder / "triton.log") as server:
        port = server.settings.http_port
        until(lambda: processes.port_in_use(port))  # it listens for HTTP after gRPC
        yield server


def asked(server: LocalTriton) -> int:
    return alive.main(f"http://{server.http_url}")


def kill(server: LocalTriton, model: str) -> None:
    for stub in stubs.living(psutil.Process(server.pid)):
        if stub.model == model:
            stub.process.kill()
            until(lambda stub=stub: not stub.alive())


def test_all_models_live(triton, capsys):
    assert asked(triton) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("model", ["ssim_search", "ssim_index", "copy_search"])
def test_a_dead_process_is_found_and_named(triton, capsys, model):
    kill(triton, model)
    try:
        assert asked(triton) == 1
        assert capsys.readouterr().err == f"the process of the model {model} is dead, or hangs\n"
    finally:
        with triton.admin() as admin:
            admin.unload(model)
            admin.load(model)
    assert asked(triton) == 0


def test_a_model_that_is_busy_lives_and_one_that_stands_still_does_not(triton, monkeypatch):
    monkeypatch.setattr(alive, "SECONDS", 1.0)
    url = f"http://{triton.http_url}"
    with triton_grpc.InferenceServerClient(triton.grpc_url) as client:
        zeros = triton_grpc.InferInput("x", [1], "FP32")
        zeros.set_data_from_numpy(np.zeros(1, np.float32))
        threads = [
            threading.Thread(target=client.infer, args=("sleeper", [zeros])) for _ in range(5)
        ]
        for thread in threads:
            thread.start()
        while alive.executions(url, "sleeper") == 0:
            time.sleep(0.05)
        assert alive.alive(url, "sleeper"), "it works on what came before"
        for thread in threads:
            thread.join()
    monkeypatch.setattr(alive, "executions", lambda url, name: 7)
    monkeypatch.setattr(alive, "SECONDS", 0.2)
    assert not alive.alive(url, "sleeper")

"""The watchdog against a real Triton whose stubs are killed, stopped or just busy."""

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest
import tritonclient.grpc as triton_grpc
from onnx import TensorProto, helper
from structlog.testing import capture_logs
from tritonclient.utils import InferenceServerException

from deploy.local import shared_memory, stubs
from deploy.local.triton import LocalTriton
from deploy.local.watchdog import Timing, Watchdog
from tests.integration.local.inference import in_process, infer, served
from tests.integration.local.polling import until
from tests.integration.onnx_files import config_text, onnx_model
from tests.integration.tiny_models import STYLEGAN, write_model

INSTANCES = 2
HASTY = Timing(
    canary=0.2, canary_deadline=2.0, hang=0.5, reload_pause=0.5, farewell=1.0, settled=2.0
)  # fmt: skip
LATENTS = STYLEGAN.latents(2)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalTriton]:
    """A Triton for the tests below, which ill-treat it: one model in two instances."""
    folder = tmp_path_factory.mktemp("watched")
    write_model(folder / "models", STYLEGAN, instances=INSTANCES)
    with LocalTriton(folder / "models", log=folder / "triton.log") as own:
        yield own


@pytest.fixture
def server(shared: LocalTriton) -> LocalTriton:
    """That Triton, with its model loaded."""
    with shared.admin() as admin:
        admin.load(STYLEGAN.name)
    return shared


@pytest.fixture
def client(server: LocalTriton) -> Iterator[triton_grpc.InferenceServerClient]:
    with triton_grpc.InferenceServerClient(server.grpc_url) as connection:
        yield connection


@pytest.fixture
def watchdog(server: LocalTriton) -> Iterator[Watchdog]:
    """It has looked once, so it knows the stubs."""
    with server.admin() as admin:
        dog = Watchdog(admin, psutil.Process(server.pid), server.settings.shm_prefix, HASTY)
        dog.look()
        yield dog


def write_counter(repository: Path) -> None:
    """A model that counts in a loop up to the number it is given."""
    inputs, outputs = {"turns": ("FP32", [1])}, {"counted": ("FP32", [1])}
    scalar = helper.make_tensor_value_info
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go_on"], ["still_going_on"]),
            helper.make_node("Add", ["count", "one"], ["next_count"]),
        ],
        "body",
        [
            scalar("turn", TensorProto.INT64, []),
            scalar("go_on", TensorProto.BOOL, []),
            scalar("count", TensorProto.FLOAT, ["batch", 1]),
        ],
        [
            scalar("still_going_on", TensorProto.BOOL, []),
            scalar("next_count", TensorProto.FLOAT, ["batch", 1]),
        ],
    )
    nodes = [
        helper.make_node("ReduceMax", ["turns"], ["most"], keepdims=0),
        helper.make_node("Cast", ["most"], ["limit"], to=TensorProto.INT64),
        helper.make_node("Mul", ["turns", "zero"], ["start"]),
        helper.make_node("Loop", ["limit", "", "start"], ["counted"], body=body),
    ]
    graph = onnx_model(nodes, inputs, outputs, {"one": np.float32(1), "zero": np.float32(0)})
    folder = repository / "counter"
    (folder / "1").mkdir(parents=True)
    (folder / "1" / "model.onnx").write_bytes(graph.SerializeToString())
    config = config_text("counter", inputs, outputs, parameters={}, instances=1)
    (folder / "config.pbtxt").write_text(config)


def living(server: LocalTriton) -> list[stubs.Stub]:
    return stubs.living(psutil.Process(server.pid))


def serves(client: triton_grpc.InferenceServerClient) -> bool:
    """Whether requests are answered, in as many turns as reach every instance twice."""
    try:
        answers = [served(client, STYLEGAN, LATENTS) for _ in range(2 * INSTANCES)]
    except InferenceServerException:
        return False
    return all((answer == in_process(STYLEGAN, LATENTS)).all() for answer in answers)


def is_tidy(server: LocalTriton) -> bool:
    """Whether there are two stubs, and no shared memory but theirs."""
    found = living(server)
    names = {region.name for region in shared_memory.regions(server.settings.shm_prefix)}
    return len(found) == INSTANCES and names == {stub.region for stub in found}


def test_a_killed_stub_is_replaced_and_its_rubbish_removed(
    server: LocalTriton, client: triton_grpc.InferenceServerClient, watchdog: Watchdog
) -> None:
    """After a request has reached the dead stub: the case in which Triton cleans up nothing."""
    before = living(server)
    before[0].process.kill()
    until(lambda: not before[0].alive())
    with pytest.raises(InferenceServerException, match="is not healthy"):
        for _ in range(2 * INSTANCES):
            served(client, STYLEGAN, LATENTS)

    until(lambda: serves(client), watchdog.look)
    until(lambda: is_tidy(server), watchdog.look)
    assert not {stub.process.pid for stub in before} & {s.process.pid for s in living(server)}


def test_a_stopped_stub_is_replaced(
    server: LocalTriton, client: triton_grpc.InferenceServerClient, watchdog: Watchdog
) -> None:
    """It has not died, so it is a canary that finds it."""
    before = living(server)
    before[0].process.send_signal(signal.SIGSTOP)

    with capture_logs() as events:
        until(lambda: any(e["event"] == "model loaded" for e in events), watchdog.look)
    assert any(e.get("health") == "dead" for e in events)
    until(lambda: serves(client) and is_tidy(server), watchdog.look)
    assert not before[0].alive()


def test_a_hanging_model_is_reloaded(tmp_path: Path) -> None:
    """A request that computes for ever blocks the only instance of its model."""
    write_counter(tmp_path / "models")
    with (
        LocalTriton(tmp_path / "models", log=tmp_path / "triton.log") as server,
        triton_grpc.InferenceServerClient(server.grpc_url) as client,
        server.admin() as admin,
    ):
        process = psutil.Process(server.pid)
        watchdog = Watchdog(admin, process, server.settings.shm_prefix, HASTY)
        watchdog.look()
        [hanging] = living(server)
        with pytest.raises(InferenceServerException, match="Deadline"):
            infer(client, "counter", {"turns": np.array([[1e12]], np.float32)}, timeout=1.0)

        with capture_logs() as events:
            until(lambda: any(e.get("reason") == "it hangs" for e in events), watchdog.look)
        result = infer(client, "counter", {"turns": np.array([[5]], np.float32)})
        assert result.as_numpy("counted").tolist() == [[5]]
        until(lambda: not hanging.alive(), watchdog.look)


def test_a_busy_model_is_left_alone(server: LocalTriton) -> None:
    """Canaries time out all the time, and work is done all the time."""
    impatient = Timing(canary=0.0, canary_deadline=0.001, hang=0.0)
    before = {stub.process.pid for stub in living(server)}
    finished = False

    def work(seed: int) -> None:
        with triton_grpc.InferenceServerClient(server.grpc_url) as client:
            while not finished:
                served(client, STYLEGAN, STYLEGAN.latents(64, seed))

    with ThreadPoolExecutor(max_workers=8) as callers, server.admin() as admin:
        dog = Watchdog(admin, psutil.Process(server.pid), server.settings.shm_prefix, impatient)
        working = [callers.submit(work, seed) for seed in range(8)]
        try:
            with capture_logs() as events:
                for _ in range(6):
                    dog.look()
                    seen = admin.executions(STYLEGAN.name)
                    until(lambda seen=seen: admin.executions(STYLEGAN.name) > seen)
        finally:
            finished = True
        assert all(worker.exception() is None for worker in working)

    assert any(event.get("health") == "slow" for event in events), "canaries did time out"
    assert {stub.process.pid for stub in living(server)} == before


def test_a_model_that_an_operator_unloaded_stays_unloaded(
    server: LocalTriton, watchdog: Watchdog
) -> None:
    with server.admin() as admin, capture_logs() as events:
        admin.unload(STYLEGAN.name)
        until(lambda: not living(server), watchdog.look)
        for _ in range(3):
            watchdog.look()
        assert not any(state.ready for state in admin.index())
    assert events == []


def test_a_model_that_cannot_be_loaded_again_is_tried_until_it_can(
    server: LocalTriton,
    client: triton_grpc.InferenceServerClient,
    watchdog: Watchdog,
) -> None:
    file = server.settings.model_repository / STYLEGAN.name / "1" / "model.onnx"
    good = file.read_bytes()
    file.write_bytes(b"no ONNX")
    living(server)[0].process.kill()

    with capture_logs() as events:
        until(
            lambda: [e["event"] for e in events].count("a model cannot be loaded") >= 2,
            watchdog.look,
        )
    file.write_bytes(good)
    until(lambda: serves(client), watchdog.look)

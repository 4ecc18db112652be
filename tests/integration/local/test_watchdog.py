"""The watchdog against a real Triton that is killed, stopped, hangs or is just busy."""

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

from deploy.local.components import Component, components
from deploy.local.console import LocalStackError
from deploy.local.state import StackSettings, StackState, locked
from deploy.local.watchdog import Timing, Watchdog
from deploy.triton_admin import TritonAdmin
from tests.integration.local.inference import infer, served
from tests.integration.local.polling import until
from tests.integration.onnx_files import config_text, onnx_model
from tests.integration.tiny_models import STYLEGAN, write_model

HASTY = Timing(canary=0.2, canary_deadline=1.0, hang=1.5, restart_pause=0.2)


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


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Component, StackState]]:
    """A Triton for the tests below, which ill-treat it: a network, and a model that counts."""
    folder = tmp_path_factory.mktemp("watched")
    write_model(folder / "models", STYLEGAN)
    write_counter(folder / "models")
    state = StackState.new(StackSettings(folder / "models").on_free_ports())
    triton, *_ = components(state, folder)
    yield triton, state
    triton.stop()


@pytest.fixture
def triton(stack: tuple[Component, StackState]) -> Component:
    """It serves, whatever the test before did to it."""
    triton, _ = stack
    if triton.process() is None:
        triton.start()
    triton.wait_until_ready()
    return triton


@pytest.fixture
def admin(stack: tuple[Component, StackState], triton: Component) -> Iterator[TritonAdmin]:
    _, state = stack
    with TritonAdmin(state.triton.grpc_url, state.admin_key) as admin:
        yield admin


@pytest.fixture
def client(stack: tuple[Component, StackState]) -> Iterator[triton_grpc.InferenceServerClient]:
    _, state = stack
    with triton_grpc.InferenceServerClient(state.triton.grpc_url) as client:
        yield client


@pytest.fixture
def watchdog(triton: Component, admin: TritonAdmin) -> Watchdog:
    """It has looked once: it knows that Triton answers."""
    dog = Watchdog(triton, admin, HASTY)
    dog.look()
    return dog


def pid(triton: Component) -> int | None:
    process = triton.process()
    return process and process.pid


def restarted(triton: Component, watchdog: Watchdog) -> str:
    """Let the watchdog look until it has started Triton again; return its reason."""
    before = pid(triton)
    with capture_logs() as events:
        until(lambda: pid(triton) not in (None, before), watchdog.look)
    triton.wait_until_ready()
    (reason,) = [e["reason"] for e in events if e["event"] == "restarting triton"]
    return str(reason)


def test_a_killed_triton_is_started_again(
    triton: Component, watchdog: Watchdog, client: triton_grpc.InferenceServerClient
) -> None:
    process = triton.process()
    assert process
    process.kill()
    until(lambda: triton.process() is None)
    assert restarted(triton, watchdog) == "it has ended"
    assert served(client, STYLEGAN, STYLEGAN.latents(2)).shape[0] == 2


def test_a_stopped_triton_is_started_again(triton: Component, watchdog: Watchdog) -> None:
    process = triton.process()
    assert process
    process.send_signal(signal.SIGSTOP)
    assert restarted(triton, watchdog) == "no answer, and nothing moves: triton"
    assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def test_a_triton_with_a_model_that_hangs_is_started_again(
    triton: Component, watchdog: Watchdog, client: triton_grpc.InferenceServerClient
) -> None:
    """A request that computes for ever blocks the only instance of its model."""
    with pytest.raises(InferenceServerException, match="Deadline"):
        infer(client, "counter", {"turns": np.array([[1e12]], np.float32)}, timeout=1.0)

    assert restarted(triton, watchdog) == "no answer, and nothing moves: counter"
    result = infer(client, "counter", {"turns": np.array([[5]], np.float32)})
    assert result.as_numpy("counted").tolist() == [[5]]


def test_a_busy_model_is_left_alone(
    triton: Component, admin: TritonAdmin, client: triton_grpc.InferenceServerClient
) -> None:
    """Canaries time out all the time, and work is done all the time."""
    impatient = Timing(canary=0.0, canary_deadline=0.001, hang=0.5)
    dog, before, finished = Watchdog(triton, admin, impatient), pid(triton), False

    def work(seed: int) -> None:
        while not finished:
            served(client, STYLEGAN, STYLEGAN.latents(64, seed))

    with ThreadPoolExecutor(max_workers=8) as callers:
        working = [callers.submit(work, seed) for seed in range(8)]
        try:
            with capture_logs() as events:
                for _ in range(20):
                    dog.look()
                    seen = admin.executions(STYLEGAN.name)
                    until(lambda seen=seen: admin.executions(STYLEGAN.name) > seen)
        finally:
            finished = True
        assert all(worker.exception() is None for worker in working)

    complaints = [e for e in events if e["event"] == "canary failed"]
    assert any(complaint["model"] == STYLEGAN.name for complaint in complaints), "they timed out"
    assert pid(triton) == before


def test_a_model_that_an_operator_unloaded_stays_unloaded(
    triton: Component, watchdog: Watchdog, admin: TritonAdmin
) -> None:
    admin.unload(STYLEGAN.name)
    with capture_logs() as events:
        for _ in range(3):
            watchdog.look()
    assert events == []
    assert STYLEGAN.name not in {state.name for state in admin.index() if state.ready}
    admin.load(STYLEGAN.name)


def test_what_a_command_of_the_stack_has_started_meanwhile_is_left_alone(
    triton: Component, watchdog: Watchdog
) -> None:
    process = triton.process()
    assert process
    with ThreadPoolExecutor() as threads, locked(triton.folder):
        process.kill()
        until(lambda: triton.process() is None)
        looking = threads.submit(watchdog.look)  # waits for the command
        triton.start()
        started = pid(triton)
    looking.result()
    assert pid(triton) == started


def test_a_triton_that_cannot_be_started_is_tried_until_it_can(
    triton: Component, watchdog: Watchdog, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = triton.process()
    assert process
    process.kill()
    until(lambda: triton.process() is None)
    with monkeypatch.context() as broken:

        def refuse(_: Component) -> None:
            raise LocalStackError("its port is in use")

        broken.setattr(Component, "start", refuse)
        with capture_logs() as events:
            failures = lambda: [e for e in events if e["event"] == "triton cannot be started"]  # noqa: E731
            until(lambda: len(failures()) >= 2, watchdog.look)
    assert failures()[0]["reason"] == "its port is in use"
    assert restarted(triton, watchdog) == "it has ended"

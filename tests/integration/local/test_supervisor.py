"""The supervisor against real parts that are killed, stopped, hang or are just busy."""

import signal
import time
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

from deploy.local import processes
from deploy.local.components import Component, components, not_serving
from deploy.local.liveness import Canaries, CanaryTiming, HealthChecks, Probe, Probes
from deploy.local.state import StackSettings, StackState, locked
from deploy.local.supervisor import Timing, Watch
from deploy.triton_admin import TritonAdmin
from tests.integration.local.inference import infer, served
from tests.integration.local.polling import until
from tests.integration.onnx_files import config_text, onnx_model
from tests.integration.tiny_models import STYLEGAN, write_model

HASTY = Timing(first_pause=0.2, longest_pause=0.2, grace=1.0)
HASTY_CANARIES = CanaryTiming(canary=0.2, deadline=1.0, hang=1.5)
# Longer than a service takes to answer on a busy machine.
HASTY_PROBES = Probes(
    startup=Probe("liveness", period=0.2, timeout=5, failures=300),
    liveness=Probe("liveness", period=0.2, timeout=5, failures=2),
)


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
def watch(triton: Component, admin: TritonAdmin) -> Watch:
    """It has looked until it knows that Triton answers."""
    return looked(Watch(triton, Canaries(admin, HASTY_CANARIES), HASTY))


def looked(watch: Watch) -> Watch:
    """Let it find the process, and hear of it."""
    watch.look()
    watch.look()
    return watch


@pytest.fixture
def generator(stack: tuple[Component, StackState]) -> Iterator[Component]:
    """A service, whatever Triton does."""
    triton, state = stack
    _, generator, *_ = components(state, triton.folder)
    generator.start()
    until(lambda: not not_serving(generator.health, "liveness"))
    yield generator
    generator.stop()


@pytest.fixture
def service_watch(generator: Component) -> Watch:
    """It has looked until it knows that the service answers."""
    return looked(Watch(generator, HealthChecks(generator.health, HASTY_PROBES), HASTY))


def pid(part: Component) -> int | None:
    process = part.process()
    return process and process.pid


def restarted(part: Component, watch: Watch) -> str:
    """Let the supervisor look until it has started the part again; return its reason."""

    def reasons() -> list[str]:
        return [str(e["reason"]) for e in events if e["event"] == f"restarted {part.name}"]

    with capture_logs() as events:
        until(reasons, watch.look)
    (reason,) = reasons()
    return reason


def kill(part: Component) -> None:
    process = part.process()
    assert process
    process.kill()
    until(lambda: not processes.alive(process))


def test_a_killed_triton_is_started_again(
    triton: Component, watch: Watch, client: triton_grpc.InferenceServerClient
) -> None:
    kill(triton)
    assert restarted(triton, watch) == "it was ended by SIGKILL"
    triton.wait_until_ready()
    assert served(client, STYLEGAN, STYLEGAN.latents(2)).shape[0] == 2


def test_a_stopped_triton_is_started_again(triton: Component, watch: Watch) -> None:
    process = triton.process()
    assert process
    process.send_signal(signal.SIGSTOP)
    assert restarted(triton, watch) == "no answer, and nothing moves: triton"
    assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def test_a_triton_with_a_model_that_hangs_is_started_again(
    triton: Component, watch: Watch, client: triton_grpc.InferenceServerClient
) -> None:
    """A request that computes for ever blocks the only instance of its model."""
    with pytest.raises(InferenceServerException, match="Deadline"):
        infer(client, "counter", {"turns": np.array([[1e12]], np.float32)}, timeout=1.0)

    assert restarted(triton, watch) == "no answer, and nothing moves: counter"
    triton.wait_until_ready()
    result = infer(client, "counter", {"turns": np.array([[5]], np.float32)})
    assert result.as_numpy("counted").tolist() == [[5]]


def test_a_busy_model_is_left_alone(
    triton: Component, admin: TritonAdmin, client: triton_grpc.InferenceServerClient
) -> None:
    """Canaries time out all the time, and work is done all the time."""
    impatient = Canaries(admin, CanaryTiming(canary=0.0, deadline=0.001, hang=0.5))
    watch, before, finished = looked(Watch(triton, impatient, HASTY)), pid(triton), False

    def work(seed: int) -> None:
        while not finished:
            served(client, STYLEGAN, STYLEGAN.latents(64, seed))

    with ThreadPoolExecutor(max_workers=8) as callers:
        working = [callers.submit(work, seed) for seed in range(8)]
        try:
            with capture_logs() as events:
                for _ in range(20):
                    watch.look()
                    seen = admin.executions(STYLEGAN.name)
                    until(lambda seen=seen: admin.executions(STYLEGAN.name) > seen)
        finally:
            finished = True
        assert all(worker.exception() is None for worker in working)

    complaints = [e for e in events if e["event"] == "canary failed"]
    assert any(complaint["model"] == STYLEGAN.name for complaint in complaints), "they timed out"
    assert pid(triton) == before


def test_a_model_that_an_operator_unloaded_stays_unloaded(
    triton: Component, watch: Watch, admin: TritonAdmin
) -> None:
    admin.unload(STYLEGAN.name)
    with capture_logs() as events:
        for _ in range(3):
            watch.look()
    assert events == []
    assert STYLEGAN.name not in {state.name for state in admin.index() if state.ready}
    admin.load(STYLEGAN.name)


def test_what_a_command_of_the_stack_starts_meanwhile_is_left_alone(
    triton: Component, watch: Watch
) -> None:
    with locked(triton.folder):
        kill(triton)
        watch.look()
        assert triton.process() is None, "it does not wait for the command either"
        triton.start()
        started = pid(triton)
        watch.look()
    assert pid(triton) == started
    watch.look()
    assert pid(triton) == started


def test_a_killed_service_is_started_again_and_again(
    generator: Component, service_watch: Watch
) -> None:
    for _ in range(2):
        kill(generator)
        assert restarted(generator, service_watch) == "it was ended by SIGKILL"
    assert generator.restarts().count == 2
    until(lambda: not not_serving(generator.health, "liveness"))


def test_a_stopped_service_is_started_again(generator: Component, service_watch: Watch) -> None:
    process = generator.process()
    assert process
    process.send_signal(signal.SIGSTOP)
    reason = "no answer to a health check (DEADLINE_EXCEEDED), 2 times in a row, every 0.2 s"
    assert restarted(generator, service_watch) == reason
    assert not processes.alive(process)
    until(lambda: not not_serving(generator.health, "liveness"))


def test_a_service_that_waits_for_triton_is_left_alone(
    stack: tuple[Component, StackState], generator: Component, service_watch: Watch
) -> None:
    """It is not ready, but it lives."""
    triton, _ = stack
    triton.stop()
    until(lambda: not_serving(generator.health) == "its health is NOT_SERVING")
    before = pid(generator)
    for _ in range(3 * HASTY_PROBES.liveness.failures):
        time.sleep(HASTY_PROBES.liveness.period)
        service_watch.look()
    assert pid(generator) == before

"""The generator's image: built, looked into, and called."""

import contextlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import grpc
import psutil
import pytest
from animegan.generator.v1 import generator_pb2, generator_pb2_grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from deploy.local.triton import LocalTriton
from tests.integration.generator.service import ServiceProcess
from tests.integration.local.polling import until
from tests.integration.tiny_models import STYLEGAN, write_model
from tests.requires import require_program, require_root
from tests.system.image_builder import Builder

INVENTORY = """
import json, pathlib, shutil, sys
packages = pathlib.Path(sys.prefix).glob("lib/*/site-packages/*")
print(json.dumps({
    "programs": [name for name in ("gcc", "cc", "make", "pip") if shutil.which(name)],
    "packages": [path.name for path in packages],
    "app": sorted(path.name for path in pathlib.Path("/app").iterdir()),
}))
"""

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def builder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Builder]:
    """A store with the base in it."""
    for program in ("buildah", "mmdebstrap", "unshare"):
        require_program(program)
    require_root()
    with Builder(tmp_path_factory.mktemp("images")) as store:
        store.make_base()
        yield store


@pytest.fixture(scope="module")
def image(builder: Builder) -> str:
    return builder.build("generator")


@pytest.fixture(scope="module")
def container(builder: Builder, image: str) -> str:
    return builder.container(image)


@pytest.fixture(scope="module")
def triton(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalTriton]:
    folder = tmp_path_factory.mktemp("triton")
    write_model(folder / "models", STYLEGAN)
    with LocalTriton(folder / "models", log=folder / "triton.log") as server:
        yield server


class ContainedService(ServiceProcess):
    """The same service, out of its image: its entry point with our flags."""

    def __init__(self, builder: Builder, image: str, container: str, url: str, log: Path) -> None:
        super().__init__(url, log)
        entrypoint = builder.config(image)["Entrypoint"]
        flags = self._command[self._command.index("--triton-url") :]
        self._command = builder.command(container, *entrypoint, *flags)

    def python(self) -> psutil.Process:
        """The service itself, below buildah's own processes."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        return next(child for child in children if child.name().startswith("python"))

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:  # a test has failed: buildah cannot pass on a SIGKILL
            for child in psutil.Process(self.process.pid).children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):  # it went with its parent
                    child.kill()
        super().__exit__()


def test_it_is_small_and_does_not_run_as_root(builder, image):
    config = builder.config(image)
    assert config["User"] == "10001:10001"
    assert set(config["ExposedPorts"]) == {"50051/tcp", "9101/tcp"}
    assert builder.megabytes(image) < 500


def test_it_holds_neither_compilers_nor_what_only_training_needs(builder, container):
    found = json.loads(_output(builder, container, "python", "-c", INVENTORY))
    assert found["programs"] == []
    assert found["app"] == ["animegan", "services"]
    packages = set(found["packages"])
    assert {"grpc", "numpy", "pydantic"} <= packages
    assert not {"torch", "onnxruntime", "pip", "animegan_client", "tritonclient"} & packages


def test_its_user_can_write_nothing_of_it(builder, container):
    listed = _output(
        builder, container, "find", "/app", "/opt", "/usr", "/etc", "/bin", "/var/lib",
        "-writable", "-not", "-type", "l",
    )  # fmt: skip
    assert listed == ""


def test_it_serves_and_drains(builder, image, container, triton, tmp_path):
    log = tmp_path / "service.log"
    with ContainedService(builder, image, container, triton.http_url, log) as service:
        service.wait_for_event("ready")
        with grpc.insecure_channel(service.target) as channel:
            health = health_pb2_grpc.HealthStub(channel)
            for name in ("", "liveness"):
                reply = health.Check(health_pb2.HealthCheckRequest(service=name), timeout=30)
                assert reply.status == health_pb2.HealthCheckResponse.SERVING
            stub = generator_pb2_grpc.GeneratorServiceStub(channel)
            request = generator_pb2.GenerateRequest(seeds=[1, 2])
            images = stub.Generate(request, timeout=60).images
        assert [one.image.data[:8] for one in images] == [b"\x89PNG\r\n\x1a\n"] * 2
        assert service.python().uids().real == 10001
        service.python().terminate()
        until(lambda: service.process.poll() is not None)
        assert service.process.returncode == 0
    assert [event["event"] for event in service.events()][-1] == "stopped"


def _output(builder: Builder, container: str, *command: str) -> str:
    """What a command in the container prints; what it cannot read is not an error."""
    ran = subprocess.run(
        builder.command(container, *command), capture_output=True, text=True, check=False
    )
    return ran.stdout.strip()

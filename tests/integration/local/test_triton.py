"""LocalTriton: what it starts, what it refuses, and that it leaves nothing behind."""

import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import psutil
import pytest
import tritonclient.grpc as triton_grpc
from tritonclient.utils import InferenceServerException

from deploy.local.console import LocalStackError
from deploy.local.processes import alive
from deploy.local.triton import LocalTriton
from deploy.triton_admin import AdminError
from tests.integration.local.inference import in_process, served
from tests.integration.local.polling import until
from tests.integration.tiny_models import (
    STYLEGAN,
    at_version,
    write_model,
    write_version,
)
from tests.requires import require_program


def test_it_listens_where_it_says(triton: LocalTriton) -> None:
    with urllib.request.urlopen(f"http://{triton.http_url}/v2/health/ready") as reply:
        assert reply.status == 200
    with urllib.request.urlopen(triton.metrics_url) as reply:
        assert b"nv_inference_request_success" in reply.read()


def test_model_control_needs_the_admin_key(triton: LocalTriton) -> None:
    """Loading and unloading is for operators, not for every caller."""
    with triton_grpc.InferenceServerClient(triton.grpc_url) as stranger:
        with pytest.raises(InferenceServerException, match="restricted"):
            stranger.unload_model(STYLEGAN.name)
        with pytest.raises(InferenceServerException, match="restricted"):
            stranger.load_model(STYLEGAN.name)
    request = urllib.request.Request(
        f"http://{triton.http_url}/v2/repository/models/{STYLEGAN.name}/unload", data=b"{}"
    )
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(request)
    refusal.value.close()
    assert refusal.value.code == 403


def test_a_broken_model_is_named_and_nothing_keeps_running(tmp_path: Path) -> None:
    write_model(tmp_path / "models", STYLEGAN)
    graph = tmp_path / "models" / "stylegan" / "1" / "model.onnx"
    graph.write_bytes(graph.read_bytes() + b"\0")
    server = LocalTriton(tmp_path / "models", log=tmp_path / "triton.log")

    reason = r"cannot load a model: stylegan: .*its sha256 is not the one in its card"
    with pytest.raises(LocalStackError, match=reason):
        server.start()

    with pytest.raises(LocalStackError, match="not started"):
        _ = server.pid
    children = psutil.Process().children(recursive=True)
    living = [child for child in children if alive(child)]
    assert not any(str(tmp_path) in " ".join(child.cmdline()) for child in living)


def test_it_is_one_process_and_stops_with_its_block(tmp_path: Path) -> None:
    write_model(tmp_path / "models", STYLEGAN, instances=2)
    with LocalTriton(tmp_path / "models", log=tmp_path / "triton.log") as server:
        process = psutil.Process(server.pid)
        assert not process.children()
    assert not alive(process)


def test_a_corrupt_new_version_leaves_the_old_one_serving(tmp_path: Path) -> None:
    models = tmp_path / "models"
    folder = write_model(models, STYLEGAN)
    latents = STYLEGAN.latents(4)
    with (
        LocalTriton(models, log=tmp_path / "triton.log") as server,
        server.admin() as admin,
        triton_grpc.InferenceServerClient(server.grpc_url) as client,
    ):
        write_version(folder, STYLEGAN, 2)
        (folder / "2" / "model.onnx").write_bytes(b"no ONNX")
        with pytest.raises(AdminError, match="stylegan"):
            admin.load(STYLEGAN.name)
        assert (served(client, STYLEGAN, latents) == in_process(STYLEGAN, latents)).all()

        write_version(folder, STYLEGAN, 3)
        admin.load(STYLEGAN.name)
        third = at_version(STYLEGAN, 3)
        assert (served(client, STYLEGAN, latents) == in_process(third, latents)).all()


def test_it_ends_with_its_owner_even_if_that_is_killed(tmp_path: Path) -> None:
    """A test run that is killed leaves no servers behind."""
    require_program("setpriv")
    write_model(tmp_path / "models", STYLEGAN)
    program = (
        "import pathlib, sys, time; from deploy.local.triton import LocalTriton\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "with LocalTriton(folder / 'models', log=folder / 'triton.log'):\n"
        "    print('ready', flush=True)\n"
        "    time.sleep(600)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "ready\n"
        family = psutil.Process(owner.pid).children(recursive=True)
        assert len(family) == 1
        owner.kill()

    until(lambda: not any(alive(member) for member in family))


def test_nothing_is_reported_to_the_makers_of_onnx_runtime(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its wheels keep a device id and what they report below the home folder."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("ORT_DISABLE_TELEMETRY", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    write_model(tmp_path / "models", STYLEGAN)
    with (
        LocalTriton(tmp_path / "models", log=tmp_path / "triton.log") as server,
        triton_grpc.InferenceServerClient(server.grpc_url) as client,
    ):
        served(client, STYLEGAN, STYLEGAN.latents(1))
    assert not (tmp_path / "home").exists()

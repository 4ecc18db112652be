"""Repositories to release into: a folder, and a bucket of a real S3 server on this machine."""

import os

import pytest
from moto.server import ThreadedMotoServer

from training.release.store import Store

BUCKET = "models"


@pytest.fixture(scope="session")
def s3_endpoint():
    server = ThreadedMotoServer("127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(params=["folder", "s3"])
def target(request, tmp_path, monkeypatch):
    """An empty repository."""
    if request.param == "folder":
        return Store(tmp_path / "models")
    monkeypatch.setenv("AWS_ENDPOINT_URL", request.getfixturevalue("s3_endpoint"))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    bucket = f"{BUCKET}-{os.urandom(4).hex()}"
    store = Store(f"s3://{bucket}/repository")
    store._fs.mkdir(bucket)
    return store

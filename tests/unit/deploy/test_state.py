"""What a stack remembers: complete, private, none without a stack."""

import stat
from pathlib import Path

from deploy.local.state import StackSettings, StackState


def test_what_is_written_is_read(tmp_path: Path) -> None:
    state = StackState.new(StackSettings(tmp_path / "models").on_free_ports())
    state.write(tmp_path / "stack.json")

    assert StackState.read(tmp_path / "stack.json") == state
    assert StackState.read(tmp_path / "other.json") is None


def test_only_its_owner_can_read_the_admin_key(tmp_path: Path) -> None:
    StackState.new(StackSettings(tmp_path)).write(tmp_path / "stack.json")

    assert stat.S_IMODE((tmp_path / "stack.json").stat().st_mode) == 0o600


def test_no_two_stacks_share_keys() -> None:
    one, other = StackState.new(StackSettings()), StackState.new(StackSettings())

    assert one.admin_key != other.admin_key


def test_triton_gets_the_stacks_ports(tmp_path: Path) -> None:
    settings = StackSettings(tmp_path, triton_grpc_port=1, triton_http_port=2)
    triton = StackState.new(settings).triton

    assert triton.grpc_url == "127.0.0.1:1"
    assert triton.http_port == 2
    assert triton.model_repository == tmp_path

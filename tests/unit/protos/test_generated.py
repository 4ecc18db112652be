"""The committed code is what protos/generate.sh writes, and the API keeps buf's rules."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.requires import require_module, require_program

PROTOS = Path(__file__).parents[3] / "protos"


def generated_files(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*_pb2*.py*")
            if path.suffix in {".py", ".pyi"}}  # fmt: skip


def test_committed_code_is_up_to_date(tmp_path: Path) -> None:
    require_module("grpc_tools")
    subprocess.run(
        [PROTOS / "generate.sh", tmp_path],
        check=True,
        env={"PYTHON": sys.executable, "PATH": "/usr/bin:/bin"},
    )
    committed = generated_files(PROTOS)
    assert len(committed) == 4 * len(list(PROTOS.rglob("*.proto")))
    assert generated_files(tmp_path) == committed


@pytest.mark.parametrize("arguments", [["lint"], ["format", "--diff", "--exit-code"]])
def test_buf_is_content(arguments: list[str]) -> None:
    result = subprocess.run(
        [require_program("buf"), *arguments],
        cwd=PROTOS,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr


def breaking(protos: Path) -> subprocess.CompletedProcess[str]:
    """Compare `protos` with the API that must not be broken."""
    command = [require_program("buf"), "breaking", protos, "--against", PROTOS / "released.binpb"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_released_api_is_not_broken() -> None:
    result = breaking(PROTOS)
    assert result.returncode == 0, result.stdout + result.stderr


def test_a_moved_field_is_noticed(tmp_path: Path) -> None:
    copy = tmp_path / "protos"
    shutil.copytree(PROTOS, copy, ignore=shutil.ignore_patterns("*.py*", "__pycache__"))
    proto = copy / "animegan" / "generator" / "v1" / "generator.proto"
    text = proto.read_text()
    assert "uint32 count = 3;" in text
    proto.write_text(text.replace("uint32 count = 3;", "uint32 count = 33;"))
    result = breaking(copy)
    assert result.returncode != 0
    assert "count" in result.stdout

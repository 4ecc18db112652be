"""The committed code is what protos/generate.sh writes, and the API keeps buf's rules."""

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

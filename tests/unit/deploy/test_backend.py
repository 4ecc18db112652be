"""The ONNX backend refuses an environment in which Triton would corrupt tensors."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from deploy.local.runtime import BACKEND_SOURCE


def test_numpy_2_is_refused_at_start(tmp_path: Path) -> None:
    (tmp_path / "triton_python_backend_utils.py").touch()  # Triton's stub provides the real one
    done = subprocess.run(
        [sys.executable, str(BACKEND_SOURCE)],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert f"needs numpy < 2, its environment has {np.__version__}" in done.stderr

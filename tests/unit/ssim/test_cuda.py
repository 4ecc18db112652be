"""The CUDA back end in numba's simulator: its arithmetic, not its speed."""

import subprocess
import sys
from pathlib import Path

from animegan_ssim.definition import DEFINITIONS


def test_the_kernel_scores_within_the_tolerance() -> None:
    command = [sys.executable, str(Path(__file__).with_name("cuda_in_simulator.py"))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    errors = dict(line.split() for line in done.stdout.splitlines())
    assert errors.keys() == DEFINITIONS.keys()
    for name, error in errors.items():
        assert float(error) < DEFINITIONS[name].tolerance

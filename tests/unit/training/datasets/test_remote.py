"""What crosses the border to Ray's workers."""

import pickle
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from training.datasets.remote import SHIPPED, _connection, _Row

# Without `site` the checkout, which is installed as editable, is not on the path.
PROGRAM = """
import importlib, pkgutil, sys
shipped, packages = sys.argv[1:]
sys.path = [shipped, *sys.path, packages]
import training
# Commands run where the user is; releases and projects need a checkout.
left_out = ("training.cli", "training.project", "training.release")
for module in pkgutil.walk_packages(training.__path__, "training."):
    if not module.name.startswith(left_out) and not module.name.endswith("__main__"):
        importlib.import_module(module.name)
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


def test_errors_of_a_function_come_back_as_they_were() -> None:
    row = pickle.loads(pickle.dumps(_Row(int)))
    assert row({"item": "7"})["outcome"].result() == 7
    refused = pickle.loads(pickle.dumps(row({"item": "seven"})["outcome"]))
    with pytest.raises(ValueError, match="invalid literal"):
        refused.result()


def test_what_is_shipped_to_a_cluster_is_enough_and_all_of_it_needed(tmp_path: Path) -> None:
    """Every module of training that a worker may be asked for, with these packages alone."""
    for path in _connection(1, "ray://head:10001")["runtime_env"]["py_modules"]:
        (tmp_path / Path(path).name).symlink_to(path)
    isolated = [sys.executable, "-I", "-S", "-W", "ignore", "-c", PROGRAM]
    result = subprocess.run(
        [*isolated, str(tmp_path), sysconfig.get_path("purelib")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    ours = {"animegan", "animegan_client", "deploy", "services", *SHIPPED}
    assert ours & set(result.stdout.split()) == set(SHIPPED)

"""Modules and programs that some tests need and not every machine has."""

from __future__ import annotations

import importlib
import os
from types import ModuleType

import pytest


def require_module(name: str) -> ModuleType:
    """Import a module for a test; skip the test by that name where it cannot be imported.

    With `ANIMEGAN_REQUIRE_ALL=1`, as in CI, the test fails instead of being skipped.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        reason = f"needs the Python module {name}: {error}"
        if os.environ.get("ANIMEGAN_REQUIRE_ALL") == "1":
            pytest.fail(reason)
        pytest.skip(reason)

"""Callers whose deadlines pass while a real Triton works for them (docs/decisions/0012)."""

import asyncio
from pathlib import Path

import numpy as np

from deploy.local.triton import LocalTriton
from services.common.rpc import deadline
from services.common.rpc.errors import DeadlineExceeded
from services.common.triton.client import Triton
from tests.integration.local.polling import until
from tests.integration.tiny_models import STYLEGAN, write_model

CALLERS, GIVEN_UP = 12, 2000
LATENTS = STYLEGAN.latents(64)


async def call_impatiently(url: str) -> None:
    """Ask for pictures with deadlines of 1 to 20 ms until enough of them have passed."""
    given_up = 0
    rng = np.random.default_rng(0)

    async def caller(triton: Triton) -> None:
        nonlocal given_up
        while given_up < GIVEN_UP:
            try:
                async with deadline.within(rng.uniform(0.001, 0.02)):
                    await triton.infer(STYLEGAN.name, 1, LATENTS, "image")
            except DeadlineExceeded:
                given_up += 1

    async with Triton(url) as triton:
        await asyncio.gather(*(caller(triton) for _ in range(CALLERS)))


def test_callers_who_hang_up_leave_nothing_behind(tmp_path: Path) -> None:
    """Were their requests cancelled, Triton would crash, or never end what it has unloaded."""
    write_model(tmp_path / "models", STYLEGAN, instances=2)
    with LocalTriton(tmp_path / "models", log=tmp_path / "triton.log") as server:
        asyncio.run(call_impatiently(server.http_url))
        with server.admin() as admin:
            admin.unload(STYLEGAN.name)
            until(lambda: [state.reason for state in admin.index()] == ["unloaded"])

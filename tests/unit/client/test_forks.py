"""A client after a fork: a clear error at once, never a call that waits for ever."""

import subprocess
import sys

import pytest

from tests.unit.client.scripted import pictures, serving

# In a process of its own: what is forked here has nothing of pytest's.
SCRIPT = """
import os, sys, threading
from animegan_client import GeneratorClient, AsyncGeneratorClient, ForkedError
import asyncio

def old(target):
    client.generate(seeds=[1])

def new(target):
    with GeneratorClient(target) as own:
        own.generate(seeds=[1])

def new_asyncio(target):
    async def call():
        async with AsyncGeneratorClient(target) as own:
            await own.generate(seeds=[1])
    asyncio.run(call())

def leave(target):
    client.close()
    raise ForkedError("left")

def attempt(work):
    child = os.fork()
    if not child:
        try:
            work(target)
        except ForkedError as error:
            print(work.__name__, "refused:", error, flush=True)
        else:
            print(work.__name__, "works", flush=True)
        os._exit(0)
    os.waitpid(child, 0)

target = sys.argv[1]
if sys.argv[2] == "fresh":
    attempt(new)  # nobody has used a client
client = GeneratorClient(target, timeout=20)
client.generate(seeds=[1])
over = threading.Event()

def call():
    while not over.is_set():
        client.generate(seeds=[1])

caller = threading.Thread(target=call)
caller.start()
for work in (old, new, new_asyncio, leave):
    attempt(work)
over.set()
caller.join()
old(target)
print("parent works")
"""


@pytest.mark.parametrize("first", ["fresh", "used"])
def test_a_child_is_told_and_its_parent_not_disturbed(first):
    with serving(pictures) as service:
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, service.target, first],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    lines = done.stdout.splitlines()
    if first == "fresh":
        assert lines.pop(0) == "new works"
    refused = [line.split(" refused: ")[0] for line in lines[:-1]]
    assert refused == ["old", "new", "new_asyncio", "leave"], done.stderr
    assert all("'spawn' or 'forkserver'" in line for line in lines[:3])
    assert lines[-1] == "parent works"

"""Who takes part in `benchmarks.generator`, at which configuration, and why that one."""

from benchmarks.callers import by_base64_http, by_packed_http
from benchmarks.machine import CORES
from benchmarks.servers import Ours, Peer

OURS = Ours()

PEERS = (
    Peer(
        name="litserve",
        configuration=f"{CORES} workers of 1 thread, batches of up to 64 within 10 ms, fast_queue",
        command=(
            "benchmarks.peers.litserve_server",
            *("--port", "{port}", "--workers", str(CORES), "--batch-timeout", "0.01"),
        ),
        caller=by_packed_http,
    ),
    Peer(
        name="bentoml",
        configuration=f"{CORES} workers of 1 thread, adaptive batching up to 64",
        command=(
            "bentoml",
            *("serve", "benchmarks.peers.bentoml_server:GeneratorService"),
            *("--host", "127.0.0.1", "--port", "{port}"),
        ),
        caller=by_base64_http,
    ),
    Peer(
        name="fastapi",
        configuration=f"uvicorn with uvloop, {CORES} workers of 1 thread, endpoints in threads",
        command=(
            "uvicorn",
            *("benchmarks.peers.fastapi_server:app", "--workers", str(CORES)),
            *("--host", "127.0.0.1", "--port", "{port}", "--no-access-log"),
        ),
        caller=by_packed_http,
    ),
)

"""Liveness of a Triton with Python-backend models: exit code 0 if all of them live, else 1.

Triton never notices that the process behind such a model has died: it stays live and ready while
every request fails. So each model is asked a small question, zeros and empty strings. Any answer
will do, a refusal too, but that the process "is not healthy"; and silence will do while the model
works on something else. A Triton that does not answer at all ends this with an exception, exit code
1 as well. Runs in Triton's image: nothing but the standard library.
"""

import json
import math
import sys
import urllib.error
import urllib.request
from typing import Any

SECONDS = 4.0  # for each model; the probe's timeout is longer than all three take
DEAD = "is not healthy"  # what Triton says of a process that is gone


def main(url: str = "http://127.0.0.1:8000") -> int:
    """Ask every Python-backend model that is loaded; say which are dead."""
    dead = [name for name in loaded(url) if not alive(url, name)]
    for name in dead:
        sys.stderr.write(f"the process of the model {name} is dead, or hangs\n")
    return 1 if dead else 0


def loaded(url: str) -> list[str]:
    """Names of the models that Triton serves."""
    return sorted({model["name"] for model in _ask(f"{url}/v2/models/stats")["model_stats"]})


def alive(url: str, name: str) -> bool:
    """Whether a model answers, or at least works. Models of other backends need no process."""
    config = _ask(f"{url}/v2/models/{name}/config")
    if config["backend"] != "python":
        return True
    before = executions(url, name)
    try:
        _ask(f"{url}/v2/models/{name}/infer", question(config))
    except urllib.error.HTTPError as error:
        return DEAD not in error.read().decode(errors="replace")
    except TimeoutError:
        return executions(url, name) > before
    return True


def question(config: dict[str, Any]) -> dict[str, Any]:
    """An inference request of zeros and empty strings; open dimensions are 1."""
    batch = [1] if config["max_batch_size"] > 0 else []
    return {"inputs": [_zeros(tensor, batch) for tensor in config["input"]]}


def executions(url: str, name: str) -> int:
    """Batches that a model has worked on since it was loaded."""
    models = _ask(f"{url}/v2/models/{name}/stats")["model_stats"]
    return sum(model["execution_count"] for model in models)


def _zeros(tensor: dict[str, Any], batch: list[int]) -> dict[str, Any]:
    shape = batch + [max(1, size) for size in tensor["dims"]]
    datatype = tensor["data_type"].removeprefix("TYPE_").replace("STRING", "BYTES")
    values: dict[str, Any] = {"BYTES": "", "BOOL": False}
    data = [values.get(datatype, 0)] * math.prod(shape)
    return {"name": tensor["name"], "shape": shape, "datatype": datatype, "data": data}


def _ask(url: str, content: object = None) -> dict[str, Any]:
    data = None if content is None else json.dumps(content).encode()
    request = urllib.request.Request(url, data)  # noqa: S310  # our own server's address
    with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310
        document: dict[str, Any] = json.load(answer)
    return document


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

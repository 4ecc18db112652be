"""LitServe: batches calls, in worker processes behind one HTTP process."""

import argparse
from itertools import islice
from typing import Any

import litserve
from fastapi import Response

from benchmarks.inference import MAX_BATCH, Generator, pack


class GeneratorAPI(litserve.LitAPI):
    def setup(self, device: str) -> None:
        self.generator = Generator.from_environment()

    def decode_request(self, request: dict[str, Any]) -> list[int]:
        return list(request["seeds"])

    def batch(self, calls: list[list[int]]) -> list[list[int]]:
        return calls

    def predict(self, calls: list[list[int]]) -> list[list[bytes]]:
        pngs = iter(self.generator.pngs([seed for seeds in calls for seed in seeds]))
        return [list(islice(pngs, len(seeds))) for seeds in calls]

    def unbatch(self, answers: list[list[bytes]]) -> list[list[bytes]]:
        return answers

    def encode_response(self, pngs: list[bytes]) -> Response:
        return Response(pack(pngs), media_type="application/octet-stream")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--workers", type=int, required=True)
    parser.add_argument("--batch-timeout", type=float, required=True)
    arguments = parser.parse_args()
    api = GeneratorAPI(
        max_batch_size=MAX_BATCH, batch_timeout=arguments.batch_timeout, api_path="/generate"
    )
    server = litserve.LitServer(
        api, accelerator="cpu", workers_per_device=arguments.workers, fast_queue=True
    )
    server.run(
        host="127.0.0.1",
        port=arguments.port,
        num_api_servers=1,
        generate_client_file=False,
        log_level="warning",
        access_log=False,
    )


if __name__ == "__main__":
    main()

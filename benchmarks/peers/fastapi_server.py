"""FastAPI: an endpoint in the thread pool of each uvicorn worker. No batching across calls."""

from fastapi import FastAPI, Response
from pydantic import BaseModel

from benchmarks.inference import Generator, pack

app = FastAPI()
generator = Generator.from_environment()


class Request(BaseModel):
    seeds: list[int]


@app.post("/generate")
def generate(request: Request) -> Response:
    return Response(pack(generator.pngs(request.seeds)), media_type="application/octet-stream")

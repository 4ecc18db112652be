"""64 faces over gRPC from a stack of their own, larger ones, and whether they are new."""

import tempfile
import time
from contextlib import ExitStack, closing
from pathlib import Path

from animegan_cli.progress import ProgressBar
from animegan_cli.sheets.contact import contact_sheet
from animegan_client import GeneratedImage, GeneratorClient
from demo.enlarge import SCALE, enlarge
from demo.index import demo_index
from demo.search import search
from deploy.local.components import upscaling_methods
from deploy.local.console import say
from deploy.local.runtime import PROJECT
from deploy.local.stack import Stack
from deploy.local.state import StackSettings

DEFAULT_OUT = PROJECT / "out" / "demo"
FACES = 64
TRUNCATION = 0.7
# Beside the default model, whose pictures may be used for anything, the one that learnt from drawn
# faces.
DRAWN = "stylegan_faces"
_TIMEOUT_SECONDS = 120.0


def demo(models: Path, indexes: Path, out: Path = DEFAULT_OUT) -> Path:
    """Write `faces/<seed>.png` and `sheet.png` below `out`; return the sheet's path.

    Where the repository has the model `stylegan_faces`, also `drawn/<seed>.png` and `drawn.png`.
    Where the repository has a network that enlarges, also `enlarged/<seed>.png` and `enlarged.png`.
    Where there is an index to search, or one can be made, also the faces' nearest training images,
    `nearest.png` and `nearest.json`. Whatever happens, Ctrl-C included, nothing that was started
    keeps running.

    Args:
        models: the model repository.
        indexes: the folder of the default index, where that was built.
        out: where the results go.

    Raises:
        LocalStackError: the stack cannot be started; the message says why and what to do.
        AnimeganError: the service refused.
    """
    index = demo_index(models, indexes)
    began = time.monotonic()
    settings = StackSettings(models)
    if index:
        settings = StackSettings(models, index.folder, index.name)
    settings = settings.on_free_ports()
    with ExitStack() as cleanup:
        state_dir = cleanup.enter_context(tempfile.TemporaryDirectory(prefix="anime-gan-demo-"))
        stack = Stack(Path(state_dir))
        cleanup.callback(stack.down)
        stack.up(settings)
        up = time.monotonic()
        generator = f"127.0.0.1:{settings.generator_port}"
        faces = _generate(generator, out / "faces", None)
        generated = time.monotonic()
        drawn = _generate(generator, out / "drawn", DRAWN) if (models / DRAWN).is_dir() else []
        to_enlarge = time.monotonic()
        larger = bool(upscaling_methods(models))
        if larger:
            enlarge(f"127.0.0.1:{settings.upscaler_port}", faces, out)
        enlarged = time.monotonic()
        if index:
            say(f"Searching the index {index.name} in {index.folder}")
            search(f"127.0.0.1:{settings.similarity_port}", faces, out)
        say("Stopping")
    sheet = out / "sheet.png"
    contact_sheet([face.to_pil() for face in faces]).save(sheet)
    if drawn:
        contact_sheet([face.to_pil() for face in drawn]).save(out / "drawn.png")
    others = f"by {DRAWN}:".ljust(26) + f"{out / 'drawn.png'}\n" if drawn else ""
    side = f"{SCALE} times as large:"
    large = f"{side:<26}{out / 'enlarged'}\n{'beside bicubic:':<26}{out / 'enlarged.png'}\n"
    nearest = f"nearest training images:  {out / 'nearest.png'}\n" if index else ""
    say(
        f"\n{FACES} faces, one file each: {out / 'faces'}\n"
        f"contact sheet:            {sheet}\n{others}{large if larger else ''}{nearest}"
        f"started in {up - began:.1f} s, {FACES} faces in {generated - up:.2f} s "
        f"({FACES / (generated - up):.0f} images/s), "
        f"enlarged in {enlarged - to_enlarge:.2f} s, stopped after {time.monotonic() - began:.1f} s"
    )
    return sheet


def _generate(target: str, folder: Path, model: str | None) -> list[GeneratedImage]:
    """Stream the faces of seeds 1 to 64 into files; return them in the order of their seeds.

    Args:
        target: address of the generator.
        folder: for the files; it is made.
        model: who draws; None: the service's default.
    """
    folder.mkdir(parents=True, exist_ok=True)
    faces = []
    with (
        GeneratorClient(target) as client,
        closing(
            client.generate_stream(
                count=FACES,
                base_seed=1,
                model=model,
                truncation=TRUNCATION,
                timeout=_TIMEOUT_SECONDS,
            )
        ) as stream,
    ):
        for face in ProgressBar(stream, total=FACES, unit="face", desc="Generating"):
            (folder / f"{face.seed}.png").write_bytes(face.data)
            faces.append(face)
    return faces

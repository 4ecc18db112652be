"""64 faces over gRPC from a stack of their own: started, asked, stopped."""

import tempfile
import time
from contextlib import ExitStack, closing
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from animegan_client import Client
from animegan_client.sheet import contact_sheet
from deploy.local.console import say
from deploy.local.runtime import PROJECT
from deploy.local.stack import Stack
from deploy.local.state import StackSettings

DEFAULT_OUT = PROJECT / "out" / "demo"
FACES = 64
TRUNCATION = 0.7
_TIMEOUT_SECONDS = 120.0


def demo(models: Path, out: Path = DEFAULT_OUT) -> Path:
    """Write `faces/<seed>.png` and `sheet.png` below `out`; return the sheet's path.

    Whatever happens, Ctrl-C included, nothing that was started keeps running.

    Raises:
        LocalStackError: the stack cannot be started; the message says why and what to do.
        AnimeganError: the service refused.
    """
    began = time.monotonic()
    settings = StackSettings(models).on_free_ports()
    with ExitStack() as cleanup:
        state_dir = cleanup.enter_context(tempfile.TemporaryDirectory(prefix="anime-gan-demo-"))
        stack = Stack(Path(state_dir))
        cleanup.callback(stack.down)
        stack.up(settings)
        up = time.monotonic()
        images = _generate(f"127.0.0.1:{settings.generator_port}", out / "faces")
        generated = time.monotonic()
        say("Stopping")
    sheet = out / "sheet.png"
    contact_sheet(images).save(sheet)
    say(
        f"\n{FACES} faces, one file each: {out / 'faces'}\ncontact sheet:            {sheet}\n"
        f"started in {up - began:.1f} s, {FACES} faces in {generated - up:.2f} s "
        f"({FACES / (generated - up):.0f} images/s), stopped after {time.monotonic() - began:.1f} s"
    )
    return sheet


def _generate(target: str, folder: Path) -> list[Image.Image]:
    """Stream the faces of seeds 1 to 64 into files; return them in the order of their seeds."""
    folder.mkdir(parents=True, exist_ok=True)
    images = []
    with (
        Client(target) as client,
        closing(
            client.generate_stream(
                count=FACES, base_seed=1, truncation=TRUNCATION, timeout=_TIMEOUT_SECONDS
            )
        ) as stream,
    ):
        for image in tqdm(stream, total=FACES, unit="face", desc="Generating"):
            (folder / f"{image.seed}.png").write_bytes(image.data)
            images.append(image.to_pil())
    return images

"""Training steps of stylegan2-pytorch, at the size of the preset stylegan-64-cpu.

Its own `Trainer.train` runs, whole: losses, gradient penalty every fourth step, both optimisers.
Three things differ from a user's run, because the package demands a GPU: it is told that there is
one, tensors and networks stay where they are when it moves them there, and torchvision and aim,
which it imports for reading picture files and for its log, are absent; batches come from memory.

Run by the interpreter of `.local/bench-training-venv`, which has no other package of ours.
"""

import argparse
import itertools
import json
import sys
import tempfile
import types
from time import perf_counter

import torch

from benchmarks.flops import FlopCounter

BATCH = 16
STEPS_PER_CYCLE = 4  # the package's interval between gradient penalties

parser = argparse.ArgumentParser()
parser.add_argument("--threads", type=int, required=True)
parser.add_argument("--cycles", type=int, required=True)
arguments = parser.parse_args()
torch.set_num_threads(arguments.threads)
if not torch.cuda.is_available():
    torch.cuda.is_available = lambda: True
    torch.Tensor.cuda = lambda self, *_args, **_options: self
    torch.nn.Module.cuda = lambda self, *_args, **_options: self
for name in ("torchvision", "torchvision.transforms", "aim"):
    sys.modules[name] = types.ModuleType(name)
sys.modules["torchvision"].transforms = sys.modules["torchvision.transforms"]

from stylegan2_pytorch.stylegan2_pytorch import Trainer  # noqa: E402

folder = tempfile.mkdtemp(prefix="stylegan2-pytorch-")
trainer = Trainer(
    base_dir=folder,
    image_size=64,
    network_capacity=3,
    batch_size=BATCH,
    latent_dim=128,
    style_depth=4,
    save_every=10**9,
    evaluate_every=10**9,
)
trainer.loader = itertools.cycle([torch.rand(BATCH, 3, 64, 64) for _ in range(8)])
trainer.init_GAN()
trainer.steps = 2501  # past the steps in which it draws sample pictures all the time


def cycle() -> None:
    for _ in range(STEPS_PER_CYCLE):
        trainer.train()


with FlopCounter() as counter:  # warms up, too
    cycle()
started = perf_counter()
for _ in range(arguments.cycles):
    cycle()
seconds = perf_counter() - started
images = STEPS_PER_CYCLE * BATCH
found = {
    "images_per_s": arguments.cycles * images / seconds,
    "flops_per_image": counter.total / images,
    "precision": "fp32",
    "batch": BATCH,
    "resolution": 64,
    "parameters": {
        "generator": sum(
            value.numel()
            for network in (trainer.GAN.S, trainer.GAN.G)
            for value in network.parameters()
        ),
        "discriminator": sum(value.numel() for value in trainer.GAN.D.parameters()),
    },
}
sys.stdout.write(json.dumps(found) + "\n")

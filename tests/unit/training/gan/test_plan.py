"""What `--dry-run` tells."""

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from training.cli.train import main
from training.datasets.store import Dataset
from training.gan.plan import activation_bytes


def plan(dataset: Dataset, tmp_path: Path, *arguments: str) -> int:
    command = ["--dataset", str(dataset.directory), "--run", str(tmp_path / "run"), "--dry-run"]
    return main([*command, "--device", "cpu", *arguments])


def test_a_dry_run_tells_the_plan_and_writes_nothing(
    squares: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny = ("--preset", "stylegan-16-tiny", "--batch", "16", "--accumulate", "2")
    assert plan(squares, tmp_path, *tiny, "--augment", "fixed", "--augment-p", "0.25") == 0
    told = capsys.readouterr().out
    assert "16 images: 1 processes x 2 passes x 8 images" in told
    assert "0.064 to 0.192 kimg: 16 px, R1 0.025, fades in over 0.032 kimg" in told
    assert "generator 0.00212132, discriminator 0.00424264, halved from 0.1536 kimg" in told
    assert "half-life 0.2 kimg" in told
    assert "12 steps" in told
    assert "fixed, p = 0.25" in told
    assert '"augment_p": 0.25' in told
    assert not (tmp_path / "run").exists()


def test_activations_are_those_that_a_backward_pass_needs() -> None:
    class Linear(nn.Linear):
        def sample(self, z: torch.Tensor) -> torch.Tensor:
            return self(z)

    trainer = SimpleNamespace(
        options=SimpleNamespace(network=SimpleNamespace(z_dim=100)),
        device=torch.device("cpu"),
        autocast=nullcontext,
        generator=Linear(100, 50),
        discriminator=nn.Linear(50, 1),
    )
    # The latents for the generator's weights, its images once for the discriminator's: they are
    # judged three times, but stored in one place.
    assert activation_bytes(trainer) == 4 * (100 + 50)


def test_a_plan_that_cannot_be_is_refused(
    squares: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert plan(squares, tmp_path, "--preset", "stylegan-64-cpu") == 1
    assert "has 16 px, the preset stylegan-64-cpu 64 px" in capsys.readouterr().err
    assert plan(squares, tmp_path, "--preset", "dcgan-16-tiny", "--loss", "relativistic") == 1
    assert "--loss: a dcgan such as dcgan-16-tiny has no such option" in capsys.readouterr().err
    assert plan(squares, tmp_path, "--preset", "stylegan-16-tiny", "--freeze-d", "1") == 1
    assert "without --transfer" in capsys.readouterr().err


def test_sizes_of_the_networks_can_be_given(
    squares: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sizes = ("--network", "channel_min=8", "--network", "resampling=smooth")
    assert plan(squares, tmp_path, "--preset", "stylegan-16-tiny", *sizes) == 0
    told = capsys.readouterr().out
    assert '"channel_min": 8' in told
    assert '"resampling": "smooth"' in told


@pytest.mark.parametrize(
    ("size", "told"),
    [
        ("channels=8", "'channels' is unknown; there are resolution, "),
        ("channel_min=many", "channel_min needs a number, got 'many'"),
        ("resampling=none", "resampling: 'none' is neither"),
    ],
)
def test_sizes_that_cannot_be_are_refused(
    squares: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str], size: str, told: str
) -> None:
    assert plan(squares, tmp_path, "--preset", "stylegan-16-tiny", "--network", size) == 1
    assert told in capsys.readouterr().err

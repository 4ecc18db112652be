"""The feature networks against a plain reading of their checkpoints; what distances notice."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from sklearn.datasets import load_sample_image
from torch import Tensor

from tests.requires import require_module
from training.features import extraction as features
from training.features.cache import FeatureCache
from training.features.efficientnet import (
    LITE0,
    LITE1,
    EfficientNetLite,
    Variant,
    efficientnet,
    read_weights,
)
from training.features.extraction import Extractor, Pictures, extract
from training.metrics.kid import kid_x1000

VARIANTS = (LITE0, LITE1)
for variant in VARIANTS:
    require_module(variant.package)
CPU = torch.device("cpu")
Images = NDArray[np.uint8]


@pytest.fixture(scope="module")
def extractor() -> Extractor:
    return efficientnet(CPU)


@pytest.fixture(scope="module")
def network(extractor: Extractor) -> EfficientNetLite:
    return extractor.network


def pictures(images: Images, cache_name: str | None = None) -> Pictures:
    return Pictures("test", images, 0, len(images), cache_name)


def discs(count: int, seed: int, side: int = 32) -> Images:
    """Coloured discs on coloured ground: enough of a picture to be damaged."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:side, :side]
    images = np.empty((count, side, side, 3), np.uint8)
    for image in images:
        image[:] = rng.integers(0, 256, 3)
        row, column = rng.uniform(0.3, 0.7, 2) * side
        inside = (rows - row) ** 2 + (columns - column) ** 2 < (rng.uniform(0.15, 0.3) * side) ** 2
        image[inside] = rng.integers(0, 256, 3)
    return images


def reference(images: Images, variant: Variant) -> Tensor:
    """The network step by step from the checkpoint's names, batch normalisation not folded."""
    tensors = torch.load(str(files(variant.package) / variant.weights), weights_only=True)

    def normalise(x: Tensor, name: str) -> Tensor:
        mean, variance = tensors[f"{name}.running_mean"], tensors[f"{name}.running_var"]
        weight, bias = tensors[f"{name}.weight"], tensors[f"{name}.bias"]
        return F.batch_norm(x, mean, variance, weight, bias, eps=1e-3)

    def convolve(x: Tensor, name: str, stride: int = 1) -> Tensor:
        weight = tensors[f"{name}.weight"]
        groups = x.shape[1] // weight.shape[1]
        # Of a side that the stride does not divide, the last step hangs over by the rest.
        edge = weight.shape[-1] - (stride if x.shape[-1] % stride == 0 else x.shape[-1] % stride)
        x = F.pad(x, (edge // 2, edge - edge // 2) * 2)
        return F.conv2d(x, weight, stride=stride, groups=groups)

    side, last, strided = {
        LITE0: (224, 15, (1, 3, 5, 11)),
        LITE1: (240, 20, (1, 4, 7, 15)),
    }[variant]
    x = torch.from_numpy(images).permute(0, 3, 1, 2).float()
    x = (F.interpolate(x, (side, side), mode="bicubic", antialias=True) - 127) / 128
    x = F.relu6(normalise(convolve(x, "_conv_stem", 2), "_bn0"))
    for index in range(last + 1):
        name, shortcut = f"_blocks.{index}", x
        if index:
            x = F.relu6(normalise(convolve(x, f"{name}._expand_conv"), f"{name}._bn0"))
        stride = 2 if index in strided else 1
        x = F.relu6(normalise(convolve(x, f"{name}._depthwise_conv", stride), f"{name}._bn1"))
        x = normalise(convolve(x, f"{name}._project_conv"), f"{name}._bn2")
        x = x + shortcut if x.shape == shortcut.shape else x
    x = F.relu6(normalise(convolve(x, "_conv_head"), "_bn1"))
    return F.adaptive_avg_pool2d(x, 1).flatten(1)


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_folding_changes_nothing(variant: Variant) -> None:
    images = discs(4, seed=1)
    ours = EfficientNetLite(variant, read_weights(variant))(torch.from_numpy(images))
    assert ours.shape == (4, 1280)
    torch.testing.assert_close(ours, reference(images, variant), atol=1e-4, rtol=1e-4)


class Read(Mapping[str, Tensor]):
    """A checkpoint that remembers what was taken from it."""

    def __init__(self, tensors: dict[str, Tensor]) -> None:
        self.tensors, self.taken = tensors, Counter[str]()

    def __getitem__(self, name: str) -> Tensor:
        self.taken[name] += 1
        return self.tensors[name]

    def __contains__(self, name: object) -> bool:
        return name in self.tensors

    def __iter__(self) -> Iterator[str]:
        return iter(self.tensors)

    def __len__(self) -> int:
        return len(self.tensors)


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_every_weight_is_used_once(variant: Variant) -> None:
    """All but the classifier, and the counters of batches that inference has no use for."""
    tensors = Read(read_weights(variant))
    EfficientNetLite(variant, tensors)
    wanted = {
        name
        for name in tensors
        if not name.startswith("_fc.") and not name.endswith(".num_batches_tracked")
    }
    assert tensors.taken == Counter(wanted)


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
@pytest.mark.parametrize(("photo", "label"), [("china.jpg", 698), ("flower.jpg", 985)])
def test_with_its_classifier_it_knows_a_palace_and_a_daisy(
    variant: Variant, photo: str, label: int
) -> None:
    """ImageNet's classes 698 and 985, first of 1,000: sizes, levels and layers are as trained."""
    picture = load_sample_image(photo)
    height, width, _ = picture.shape
    edge = (width - height) // 2
    square = torch.from_numpy(picture[None, :, edge : edge + height].copy())
    tensors = read_weights(variant)
    found = EfficientNetLite(variant, tensors)(square)
    scores = found @ tensors["_fc.weight"].T + tensors["_fc.bias"]
    assert scores.argmax().item() == label


def test_features_tell_discs_from_noise(extractor: Extractor, tmp_path: Path) -> None:
    """The distances of findings: real against real is nothing, damage is something."""
    real, others = discs(48, seed=1), discs(48, seed=2)
    rng = np.random.default_rng(3)
    noisy = np.clip(others + rng.normal(0, 25, others.shape), 0, 255).astype(np.uint8)
    few = np.repeat(others[:2], 24, axis=0)
    of = {
        name: extract(extractor, pictures(images), FeatureCache(tmp_path))
        for name, images in {"real": real, "others": others, "noisy": noisy, "few": few}.items()
    }
    floor = kid_x1000(of["real"], of["others"])
    assert floor.low is not None and floor.low < 0 < floor.value + 5
    for damaged in ("noisy", "few"):
        assert kid_x1000(of["real"], of[damaged]).value > abs(floor.value) + 10


def test_an_image_does_not_depend_on_its_batch(
    extractor: Extractor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = discs(5, seed=1)
    monkeypatch.setitem(features.BATCH, "cpu", 2)  # two full batches and a short one
    in_batches = extract(extractor, pictures(images), FeatureCache(tmp_path))
    together = extractor(torch.from_numpy(images)).numpy()
    np.testing.assert_allclose(in_batches, together, atol=1e-4)


def test_grey_images_count_as_grey_colours(network: EfficientNetLite) -> None:
    grey = discs(2, seed=1)[..., :1]
    colours = np.repeat(grey, 3, axis=3)
    torch.testing.assert_close(
        network(torch.from_numpy(grey)), network(torch.from_numpy(colours)), atol=1e-4, rtol=1e-4
    )


def test_other_weights_are_refused() -> None:
    with pytest.raises(ValueError, match="not the expected weights"):
        read_weights(replace(LITE1, sha256="0" * 64))


def test_networks_have_caches_of_their_own(extractor: Extractor) -> None:
    assert extractor.definition != efficientnet(CPU, LITE1).definition


def test_only_pictures_with_a_name_are_cached(extractor: Extractor, tmp_path: Path) -> None:
    images, cache = discs(3, seed=1), FeatureCache(tmp_path)
    first = extract(extractor, pictures(images), cache)
    assert not list(tmp_path.iterdir())
    extract(extractor, pictures(images, "discs"), cache)
    # The same name promises the same images: other ones are not looked at.
    second = extract(extractor, pictures(discs(3, seed=2), "discs"), cache)
    np.testing.assert_array_equal(first, second)


def test_a_run_of_pictures_starts_where_it_says() -> None:
    run = Pictures("test", np.arange(10), 4, 3)
    assert run.places.tolist() == [4, 5, 6]
    assert run[np.array([0, 2])].tolist() == [4, 6]
    assert len(run) == 3

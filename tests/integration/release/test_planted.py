"""Candidates with planted faults: the gate lets through what is as good, and names what is not."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.integration.picture_generator import NAME, publish_pictures
from tests.integration.release.planted import (
    COUNT,
    TRAINING,
    Images,
    blurred,
    collapsed,
    copying,
    model,
    real_images,
)
from training.release.gate.checks import Check, Drawn, drawn_checks
from training.release.gate.contestant import Contestant
from training.release.gate.limits import DEFAULT, Limits, read_limits
from training.release.gate.measure import Material, draw
from training.release.store import Store

torch.set_num_threads(1)

CURRENT = model(poor=0.5)
BETTER = model(poor=0.4)
LIMITS = replace(read_limits(DEFAULT), images=COUNT)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("planted")


@pytest.fixture(scope="module")
def material(folder: Path) -> Material:
    sets = {name: dataset.directory for name, dataset in real_images(folder).items()}
    return Material(**sets, count=COUNT, cache=folder / "cache")


class Gate:
    """Measures planted models beside the current one."""

    def __init__(self, folder: Path, material: Material) -> None:
        self.folder, self.material, self.models = folder, material, 0
        self.current = self.drawn(CURRENT)

    def drawn(self, images: Images, served: Images | None = None) -> list[Drawn]:
        self.models += 1
        work = self.folder / f"model {self.models}"
        repository = publish_pictures(work / "repository", images, served)
        version = Contestant.fetch(Store(repository), NAME, 1, work / "fetched")
        return draw(version, self.material, LIMITS, work / "images")

    def refusals(
        self, images: Images, served: Images | None = None, *, first: bool = False
    ) -> set[str]:
        """The keys of the checks that refuse this model; as the first version or beside ours."""
        return refused(self.drawn(images, served), [] if first else self.current, LIMITS)


def refused(candidate: list[Drawn], current: list[Drawn], limits: Limits) -> set[str]:
    checks: Iterator[Check] = drawn_checks(candidate, current, limits)
    return {check.key for check in checks if not check.passed}


@pytest.fixture(scope="module")
def gate(folder: Path, material: Material) -> Gate:
    return Gate(folder, material)


def test_the_same_model_passes(gate: Gate) -> None:
    assert gate.refusals(CURRENT) == set()


def test_a_slightly_better_model_passes(gate: Gate) -> None:
    assert gate.refusals(BETTER) == set()


def test_one_picture_for_all_seeds_is_refused(gate: Gate) -> None:
    one = collapsed(CURRENT, onto=1)
    assert {"fd", "kid_x1000", "precision", "recall", "coverage"} <= gate.refusals(one)
    assert gate.refusals(one, first=True) == {"recall", "coverage"}


def test_eight_good_pictures_are_refused_for_what_they_lack(gate: Gate) -> None:
    """One by one they are nearer to real ones than the current model's: FD praises them."""
    refused = gate.refusals(collapsed(BETTER[::-1], onto=8))
    assert refused == {"kid_x1000", "recall", "coverage"}


def test_a_blurred_model_is_refused(gate: Gate) -> None:
    assert {"fd", "kid_x1000", "precision"} <= gate.refusals(blurred(CURRENT))


def test_a_model_that_copies_is_refused_though_only_as_it_is_served(gate: Gate) -> None:
    copies = copying(CURRENT, TRAINING, share=0.1)
    expected = {"max_ssim_95", "max_ssim_most", "detector_95", "detector_copies"}
    assert gate.refusals(CURRENT, served=copies) == expected
    assert gate.refusals(copies, served=CURRENT) == set()


def test_mirrored_copies_are_left_to_the_detector(gate: Gate) -> None:
    copies = copying(CURRENT, TRAINING[:, :, ::-1], share=0.2)
    assert gate.refusals(CURRENT, served=copies) == {"detector_95", "detector_copies"}


def test_figures_that_rest_on_few_images_let_nothing_through(gate: Gate) -> None:
    assert refused(gate.current, gate.current, read_limits(DEFAULT)) == {"images"}


def test_the_copies_are_looked_for_among_all_images(gate: Gate) -> None:
    _, copying = gate.current
    assert copying.truncation == 0.7
    assert copying.evaluation.found["max_ssim"].samples == {
        "generated": COUNT,
        "others": COUNT,
        "training": COUNT,
    }
    assert copying.evaluation.found["detector"].samples["all training"] == COUNT

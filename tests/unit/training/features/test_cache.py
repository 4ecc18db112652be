"""The cache of features: what is there is not computed again, what is broken is."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from training.features import cache
from training.features.cache import FeatureCache

Places = NDArray[np.int64]


class Network:
    """Features that tell their place; keeps the places it was asked for."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def __call__(self, places: Places) -> NDArray[np.float32]:
        self.asked += places.tolist()
        return np.stack([places, -places], axis=1).astype(np.float32)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "CHUNK", 10)


def fetch(folder: Path, network: Network, first: int, last: int, name: str = "a") -> list[float]:
    places = np.arange(first, last)
    features = FeatureCache(folder).fetch(name, places, 37, 2, network)
    np.testing.assert_array_equal(features, np.stack([places, -places], axis=1))
    asked, network.asked = network.asked, []
    return asked


def test_only_what_is_missing_is_computed(tmp_path: Path) -> None:
    network = Network()
    assert fetch(tmp_path, network, 0, 12) == list(range(20))  # whole chunks
    assert fetch(tmp_path, network, 5, 18) == []
    assert fetch(tmp_path, network, 15, 37) == list(range(20, 37))  # the last one is short
    assert fetch(tmp_path, network, 0, 37) == []


def test_an_interrupted_extraction_goes_on(tmp_path: Path) -> None:
    class Interrupted(Network):
        def __call__(self, places: Places) -> NDArray[np.float32]:
            if places[0] == 20:
                raise KeyboardInterrupt
            return super().__call__(places)

    with pytest.raises(KeyboardInterrupt):
        fetch(tmp_path, Interrupted(), 0, 37)
    assert fetch(tmp_path, Network(), 0, 37) == list(range(20, 37))


def test_names_are_kept_apart(tmp_path: Path) -> None:
    fetch(tmp_path, Network(), 0, 10, "a")
    assert fetch(tmp_path, Network(), 0, 10, "b") == list(range(10))


@pytest.mark.parametrize("damage", ["cut", "emptied", "other shape", "pickle"])
def test_a_damaged_file_is_computed_again(tmp_path: Path, damage: str) -> None:
    fetch(tmp_path, Network(), 0, 10)
    [path] = tmp_path.glob("*/*.npy")
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:150])
    if damage == "emptied":
        path.write_bytes(b"")
    if damage == "other shape":
        np.save(path, np.zeros((10, 3), np.float32))
    if damage == "pickle":
        np.save(path, np.array([{}]), allow_pickle=True)
    assert fetch(tmp_path, Network(), 0, 10) == list(range(10))
    assert fetch(tmp_path, Network(), 0, 10) == []

"""Labels of procedural faces: valid for every seed, and functions of the seed alone."""

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.datasets.procedural import Attributes, attributes, palette, sample

SEEDS = st.integers(0, 2**64 - 1)

TABLES = {
    "hair_colour": attributes.HAIR_COLOURS,
    "back_hair": attributes.BACK_HAIR,
    "bangs": attributes.BANGS,
    "side_locks": attributes.SIDE_LOCKS,
    "eye_colour": attributes.EYE_COLOURS,
    "eyes": attributes.EYES,
    "mouth": attributes.MOUTHS,
    "brows": attributes.BROWS,
    "blush": attributes.BLUSHES,
    "skin": attributes.SKINS,
    "headwear": attributes.HEADWEAR,
    "background": attributes.BACKGROUNDS,
    "light": attributes.LIGHTS,
}
FLAGS = {"hair_gradient", "ahoge", "heterochromia", "glasses", "bow", "flower", "hairpin"}
LIMITS = {"yaw": 0.2, "pitch": 0.1, "roll": 16.0}


@given(SEEDS)
def test_labels_are_valid_for_every_seed(seed: int) -> None:
    labels = sample(seed).labels()
    assert set(labels) == set(TABLES) | FLAGS | set(LIMITS)
    for name, table in TABLES.items():
        assert labels[name] in table
    for name in FLAGS:
        assert type(labels[name]) is bool
    for name, limit in LIMITS.items():
        assert -limit <= labels[name] <= limit
    assert not (labels["headwear"] == "hat" and (labels["ahoge"] or labels["flower"]))


@given(SEEDS)
def test_labels_survive_json(seed: int) -> None:
    original = sample(seed)
    assert Attributes(**json.loads(json.dumps(original.labels()))) == original


@given(SEEDS)
def test_the_same_seed_gives_the_same_labels(seed: int) -> None:
    assert sample(seed) == sample(seed)


def test_every_choice_occurs_about_as_often_as_its_table_says() -> None:
    faces = [sample(seed).labels() for seed in range(4000)]
    for name, table in TABLES.items():
        for choice, weight in table.items():
            share = weight / sum(table.values())
            found = sum(face[name] == choice for face in faces) / len(faces)
            assert found == pytest.approx(share, abs=4 * (share / len(faces)) ** 0.5)


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_a_seed_outside_64_bits_is_refused(seed: int) -> None:
    with pytest.raises(ValueError, match="seed must be within"):
        sample(seed)


def test_labels_changed_only_with_the_renderer_version() -> None:
    """When this fails on purpose, raise RENDERER_VERSION."""
    text = json.dumps([sample(seed).labels() for seed in range(200)], sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()
    assert digest == "913e9b62ec174645af73eadd30d7363b0975d4816dc4341596d2288fcacfa336"


def test_every_named_colour_has_a_shade() -> None:
    assert set(palette.HAIR) == set(attributes.HAIR_COLOURS)
    assert set(palette.EYES) == set(attributes.EYE_COLOURS)
    assert set(palette.SKIN) == set(attributes.SKINS)

"""The losses against loops over the definitions."""

import math

import pytest
import torch

from training.copies.loss import contrastive_loss, entropy_loss, recognised, similarities

TEMPERATURE = 0.1


def unit(count: int, seed: int) -> torch.Tensor:
    drawn = torch.randn(count, 5, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.normalize(drawn)


def partner(row: int, pairs: int) -> int:
    return row + pairs if row < pairs else row - pairs


def test_the_contrastive_loss_is_the_mean_over_all_embeddings() -> None:
    pairs = 6
    references, copies = unit(pairs, 0), unit(pairs, 1)
    every = torch.cat([references, copies])
    losses = []
    for row, embedding in enumerate(every):
        logits = [float(embedding @ other) / TEMPERATURE for other in every]
        total = sum(math.exp(logit) for place, logit in enumerate(logits) if place != row)
        losses.append(math.log(total) - logits[partner(row, pairs)])
    found = contrastive_loss(similarities(references, copies), TEMPERATURE)
    assert float(found) == pytest.approx(sum(losses) / len(losses), rel=1e-5)


def test_the_entropy_loss_looks_at_the_nearest_stranger() -> None:
    pairs = 6
    references, copies = unit(pairs, 2), unit(pairs, 3)
    every = torch.cat([references, copies])
    logs = []
    for row in range(2 * pairs):
        strangers = [i for i in range(2 * pairs) if i not in (row, partner(row, pairs))]
        logs.append(math.log(min(float((every[row] - every[i]).norm()) for i in strangers)))
    found = entropy_loss(similarities(references, copies))
    assert float(found) == pytest.approx(-sum(logs) / len(logs), rel=1e-5)


def test_equal_strangers_give_a_finite_loss() -> None:
    same = torch.ones(3, 4) / 2
    assert bool(entropy_loss(similarities(same, same)).isfinite())


def test_perfect_copies_are_recognised_and_shuffled_ones_are_not() -> None:
    references = unit(8, 4)
    assert float(recognised(similarities(references, references))) == 1
    assert float(recognised(similarities(references, references.roll(1, 0)))) == 0

"""What pulls copies to their images and pushes everything else apart (SSCD, Pizzi et al. 2022).

Shape suffixes: B pairs, N = 2B embeddings, E embedding.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

# Distances below it count as this large: the logarithm has a floor.
SMALLEST_DISTANCE = 1e-6


def similarities(references_BE: Tensor, copies_BE: Tensor) -> Tensor:
    """Cosine of each embedding of a batch with each, float32 [N, N]; -inf with itself."""
    embeddings_NE = torch.cat([references_BE, copies_BE]).float()
    cosine_NN = embeddings_NE @ embeddings_NE.t()
    return cosine_NN.masked_fill(torch.eye(len(cosine_NN), dtype=torch.bool), -torch.inf)


def partners(pairs: int) -> Tensor:
    """Row of each embedding's partner, int64 [N]: references come first, copies second."""
    return torch.arange(2 * pairs).roll(pairs)


def contrastive_loss(cosine_NN: Tensor, temperature: float) -> Tensor:
    """InfoNCE: name the partner among all others (NT-Xent, Chen et al. 2020, equation 1), nats."""
    return F.cross_entropy(cosine_NN / temperature, partners(len(cosine_NN) // 2))


def entropy_loss(cosine_NN: Tensor) -> Tensor:
    """Minus the log of the distance to the nearest stranger (SSCD, equation 2: KoLeo), nats.

    It spreads the embeddings over the whole sphere, so that one threshold serves all of them.
    """
    count = len(cosine_NN)
    strangers = cosine_NN.masked_fill(F.one_hot(partners(count // 2), count).bool(), -torch.inf)
    nearest = strangers.max(dim=1).values
    # Between vectors of unit length the squared distance is 2 - 2 cosine.
    squared = (2 - 2 * nearest).clamp(min=SMALLEST_DISTANCE**2)
    return -0.5 * squared.log().mean()


def recognised(cosine_NN: Tensor) -> Tensor:
    """Share of the embeddings whose partner is the nearest of all."""
    found = cosine_NN.argmax(dim=1) == partners(len(cosine_NN) // 2)
    return found.float().mean()

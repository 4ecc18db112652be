"""Adaptive discriminator augmentation, from the paper (Karras et al. 2020, arXiv:2006.06676).

The discriminator sees every image, real or generated, only after it was flipped, turned, stretched,
moved and recoloured at random. The generator is judged through the same pipeline, so it must be
differentiable; and as long as each operation happens with a probability below one, the generator
learns the pictures as they are, not as they were augmented (section 2.2).

No code of NVIDIA's implementations was used. Where this pipeline departs from the paper, the module
that does so says it and why.
"""

from training.augmentation.adaptive import Controller
from training.augmentation.pipeline import Augmentation, augment

__all__ = ["Augmentation", "Controller", "augment"]

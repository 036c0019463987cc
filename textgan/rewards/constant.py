"""The constant reward, a control: it carries no information."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from textgan.core.roles import Reward
from textgan.core.types import Samples, Space


class Constant(Reward):
    """Returns the same reward for every sequence.

    An estimator with a baseline learns nothing from it. An estimator without one, such as SeqGAN's, is known to sharpen
    the model even so: what this control achieves cannot be credited to a discriminator.

    Args:
        value: the reward; 0.3 is about the reward from SeqGAN's discriminator.
    """

    input_spaces: ClassVar[frozenset[Space]] = frozenset({"ids", "simplex", "latent"})

    def __init__(self, value: float = 0.3) -> None:
        self.value = value

    def __call__(self, fake: Samples, real: Samples) -> Tensor:
        return torch.full((len(fake), 1), self.value, device=fake.x.device)

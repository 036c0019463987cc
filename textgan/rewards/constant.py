"""The control: a reward that knows nothing."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from textgan.core.roles import Reward
from textgan.core.types import Samples, Space


class Constant(Reward):
    """Pays the same for every sequence.

    An estimator with a baseline learns nothing from it. One without, such as SeqGAN's, is known to sharpen the model
    by itself: what this control reaches is no merit of a discriminator.

    Args:
        value: the reward; 0.3 is about what SeqGAN's discriminator pays.
    """

    input_spaces: ClassVar[frozenset[Space]] = frozenset({"ids", "simplex", "latent"})

    def __init__(self, value: float = 0.3) -> None:
        self.value = value

    def __call__(self, fake: Samples, real: Samples) -> Tensor:
        return torch.full((len(fake), 1), self.value, device=fake.x.device)

"""What a discriminator may begin with: what the generator has learned of the language."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional

from textgan.core.errors import UserError
from textgan.core.options import PhaseName
from textgan.core.roles import Discriminator, Generator
from textgan.training.callbacks.base import Callback
from textgan.training.loop import RoundResult

EMBEDDING = "embedding.weight"
"""The name of the words' vectors, [V,E], in a generator and a discriminator that have them."""


class WarmStart(Callback):
    """At the end of a phase, the discriminator takes over the generator's weights, wherever both have a part alike.

    MaskGAN (Fedus et al. 2018, arXiv:1801.07736) begins generator and discriminator, which are of one shape, with the
    weights of one language model. Here the discriminator follows the pre-trained generator: a part is taken over if it
    has the same name and shape in both. What is left, the judging itself, begins as it is. `token_attention` fits `infill`,
    and `token_lstm` fits `lstm`, if they have the same sizes. `text_cnn` takes the vectors of the words from any
    generator: of vectors that are longer than its own, their principal components; shorter ones are filled up with
    zeros.

    A run that is resumed at the very end of the phase does it again, with the same result.

    Args:
        phase: at whose end; one in which the generator learns, before the discriminator does.
    """

    def __init__(self, phase: PhaseName, generator: Generator, discriminator: Discriminator) -> None:
        self.phase = phase
        self.generator, self.discriminator = generator, discriminator
        if not list(self.pairs()):
            raise UserError(
                'callback "warm_start": generator and discriminator have no part of the same name and shape; give them '
                "the same embed_dim, hidden_dim and layers, or leave the callback out (callbacks=[])"
            )

    def __call__(self, result: RoundResult) -> None:
        if result.phase.name == self.phase and result.ends_phase:
            self.discriminator.load_state_dict(self.alike(), strict=False)

    def alike(self) -> dict[str, Tensor]:
        """What the generator has for the discriminator, by the names of the discriminator's tensors."""
        return {
            name: mine if mine.shape == theirs.shape else project(mine, theirs.shape[1])
            for name, mine, theirs in self.pairs()
        }

    def pairs(self) -> Iterator[tuple[str, Tensor, Tensor]]:
        """Parts of both that are alike, or that can be made so: the discriminator's name, the generator's, its own."""
        known = self.generator.shared_weights()
        for name, theirs in self.discriminator.state_dict().items():
            plain = name.replace(".parametrizations.", ".").removesuffix(".original")  # under a norm, say
            if plain in known and (plain == EMBEDDING or known[plain].shape == theirs.shape):
                yield name, known[plain], theirs


def project(embedding: Tensor, size: int) -> Tensor:
    """Vectors of the words as vectors of another length, [V,E] -> [V,size], that keep their products if they can."""
    left, spread, _ = torch.linalg.svd(embedding, full_matrices=False)
    components = (left * spread)[:, :size]
    return functional.pad(components, (0, size - components.shape[1]))

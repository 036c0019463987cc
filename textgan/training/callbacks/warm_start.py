"""Initialises the discriminator with weights of the pre-trained generator."""

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
"""Name of the token embeddings, [V,E], in a generator and a discriminator that have them."""


class WarmStart(Callback):
    """Copies the generator's weights to the discriminator at the end of a phase, where both have the same part.

    MaskGAN (Fedus et al. 2018, arXiv:1801.07736) initialises generator and discriminator, which have one architecture,
    with the weights of one language model. Here the discriminator takes them from the pre-trained generator. A tensor
    is copied if it has the same name and shape in both. All others, such as the output layer, are unchanged.

    `token_attention` matches `infill`, and `token_lstm` matches `lstm`, if they have the same sizes. `text_cnn` takes
    the token embeddings of any generator. Of embeddings that are longer than its own, it takes the principal
    components; shorter ones are padded with zeros.

    A run that is resumed at the very end of the phase repeats the copy, with the same result.

    Args:
        phase: copy at its end; a phase in which the generator is trained, before the discriminator is.

    Raises:
        UserError: if the two have no part in common.
    """

    def __init__(self, phase: PhaseName, generator: Generator, discriminator: Discriminator) -> None:
        self.phase = phase
        self.generator, self.discriminator = generator, discriminator
        if not list(self._matches()):
            raise UserError(
                "callbacks=warm_start: generator and discriminator have no part of the same name and shape; "
                "expected the same embed_dim, hidden_dim and layers; change them or leave the callback out "
                "(callbacks=[])"
            )

    def __call__(self, result: RoundResult) -> None:
        if result.phase.name == self.phase and result.ends_phase:
            self.discriminator.load_state_dict(self.shared(), strict=False)

    def shared(self) -> dict[str, Tensor]:
        """Returns the weights to copy, by their names in the discriminator."""
        return {
            name: source if source.shape == target.shape else project(source, target.shape[1])
            for name, source, target in self._matches()
        }

    def _matches(self) -> Iterator[tuple[str, Tensor, Tensor]]:
        """Yields name in the discriminator, the generator's tensor, and the discriminator's, for each common part."""
        sources = self.generator.shared_weights()
        for name, target in self.discriminator.state_dict().items():
            plain = name.replace(".parametrizations.", ".").removesuffix(".original")  # as of a spectral norm
            if plain in sources and (plain == EMBEDDING or sources[plain].shape == target.shape):
                yield name, sources[plain], target


def project(embedding: Tensor, size: int) -> Tensor:
    """Changes the length of token embeddings, preserving their inner products as far as possible.

    Args:
        embedding: [V,E].
        size: the new length.

    Returns:
        [V,size]: the principal components (uncentred), or, if `size` exceeds min(V,E), all of them and zeros.
    """
    left, singular, _ = torch.linalg.svd(embedding, full_matrices=False)
    components = (left * singular)[:, :size]
    return functional.pad(components, (0, size - components.shape[1]))

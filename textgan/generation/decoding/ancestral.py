"""Ancestral sampling: generates text token by token, at a temperature, with top-k or nucleus truncation."""

from __future__ import annotations

from textgan.core.options import Annotated, Gt, Le, NonNegativeFloat, PositiveInt
from textgan.core.roles import Decoding, Generator
from textgan.core.types import Batch, Samples
from textgan.generation.token_samplers import tempered


class Ancestral(Decoding):
    """Samples each token from the generator's distribution, or from a sharpened or truncated one.

    Args:
        temperature: logits are divided by it. Below 1, text is more likely and less diverse; 0 is greedy decoding.
        top_k: samples from the k most likely tokens only (Fan et al. 2018, arXiv:1805.04833).
        top_p: samples from the smallest set of tokens with at least this total probability only (nucleus sampling,
            Holtzman et al. 2020, arXiv:1904.09751).
    """

    def __init__(
        self,
        temperature: NonNegativeFloat = 1.0,
        top_k: PositiveInt | None = None,
        top_p: Annotated[float, Gt(0), Le(1)] | None = None,
    ) -> None:
        self.token_sampler = tempered(temperature, top_k, top_p)

    def __call__(self, generator: Generator, batch: Batch) -> Samples:
        return generator.decode(generator.sample(batch, self.token_sampler))

"""Drawing word after word: how text is usually taken from a generator."""

from __future__ import annotations

from textgan.core.options import Annotated, Gt, Le, NonNegativeFloat, PositiveInt
from textgan.core.roles import Decoding, Generator
from textgan.core.types import Batch, Samples
from textgan.generation.token_samplers import tempered


class Ancestral(Decoding):
    """Draws each word from the generator's law, or from a sharpened or truncated one.

    Args:
        temperature: logits are divided by it; below 1 is safer and duller, 0 takes the likeliest word each time.
        top_k: only the k likeliest words (Fan et al. 2018, arXiv:1805.04833).
        top_p: only the smallest set of words that holds this probability (Holtzman et al. 2020, arXiv:1904.09751).
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

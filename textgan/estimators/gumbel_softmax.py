"""The Gumbel-softmax: words blurred a little, so that a discriminator's gradient passes through them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, Literal

import torch
from torch.nn import functional

from textgan.generation.token_samplers import min_temperature, gumbel_softmax
from textgan.estimators import returns
from textgan.core.options import PositiveFloat, PositiveInt
from textgan.core.roles import TokenSampler, Estimator, Generator, RewardFn
from textgan.core.types import Batch, Loss, Samples, Vocabulary


class GumbelSoftmax(Estimator):
    """Lets gradients through the words by drawing points near the corners of the simplex.

    y_t = softmax((logits_t + g_t) / temperature) with g_t ~ Gumbel(0, 1); the generator reads y_t as its next input,
    the discriminator reads all of y, and real text as one-hot. The gradient is that of the expected reward of y:
    biased, since y is no text, and less so the lower the temperature; but its variance grows as that falls.
    Kusner & Hernandez-Lobato 2016 (arXiv:1611.04051), Jang et al. 2017 (arXiv:1611.01144), Maddison et al. 2017
    (arXiv:1611.00712).

    A sentence ends behind the first point whose likeliest word is the end. That a word more or less was written is
    not in the gradient; what the discriminator makes of the end's own point is.

    The temperature stays above what the numbers can resolve, 0.063 in float32, where gradients vanish
    (`textgan.generation.token_samplers.min_temperature`): a lower one is refused, and annealing below it goes no further. The statistic
    `temperature` is the one in use.

    Args:
        temperature: how blurred the words are; the callback `anneal` may change it from round to round.
        straight_through: the discriminator and the generator read the likeliest word itself; gradients are those of
            the blurred one. The discriminator learns from ids, which are one-hot vectors in fewer numbers.
        gradient_samples: with straight_through, gradients are the mean over that many blurred words around each word that was
            drawn (Paulus, Maddison & Krause 2021, arXiv:2010.04838): the same gradient on average, with less noise. It
            takes no more verdicts.
    """

    mode: ClassVar[Literal["score", "path"]] = "path"
    requires: ClassVar[frozenset[str]] = frozenset({"relaxed"})
    annealable: ClassVar[frozenset[str]] = frozenset({"temperature"})
    sweep_values: ClassVar[Mapping[str, Sequence[float]]] = {"temperature": (0.1, 0.25, 0.5, 1.0, 2.0)}

    def __init__(
        self,
        vocab: Vocabulary,
        temperature: PositiveFloat = 1.0,
        straight_through: bool = False,
        gradient_samples: PositiveInt = 1,
    ) -> None:
        super().__init__()
        lowest = min_temperature(torch.get_default_dtype())
        if temperature < lowest:
            raise ValueError(
                f"gumbel_softmax: gradients vanish at temperature {temperature}; choose at least {lowest:.3f}, "
                "below which numbers of this precision cannot tell a point of the simplex from its corner"
            )
        if gradient_samples > 1 and not straight_through:
            raise ValueError(
                f"gumbel_softmax: gradient_samples is {gradient_samples}, but without straight_through there is one point a word, the "
                "one that is read; set straight_through: true"
            )
        self.size = vocab.size
        self.temperature = temperature
        self.straight_through, self.gradient_samples = straight_through, gradient_samples

    def fakes(self, generator: Generator, batch: Batch) -> Samples:
        with torch.no_grad():
            if self.straight_through:  # words by the same law as the points' likeliest, which here are all that is read
                return generator.sample(batch)
            return generator.sample(batch, self._sampler(generator))

    def reals(self, generator: Generator, batch: Batch) -> Samples:
        ids = generator.real(batch)
        if self.straight_through:
            return ids
        return ids.with_x(functional.one_hot(ids.x, self.size).to(_dtype(generator)))  # [B,T,V], beside the fakes

    def losses(self, generator: Generator, reward: RewardFn, batch: Batch) -> Iterator[Loss]:
        samples = generator.sample(batch, self._sampler(generator))
        value, stats = returns.path_gradient(samples, reward(samples))
        yield Loss(value, {**stats, "temperature": torch.full_like(value, self._temperature(generator)).detach()})

    def _sampler(self, generator: Generator) -> TokenSampler:
        return gumbel_softmax(self._temperature(generator), self.straight_through, self.gradient_samples)

    def _temperature(self, generator: Generator) -> float:
        return max(self.temperature, min_temperature(_dtype(generator)))


def _dtype(generator: Generator) -> torch.dtype:
    return next(generator.parameters()).dtype

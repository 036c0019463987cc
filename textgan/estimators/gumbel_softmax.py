"""The Gumbel-softmax: a relaxation of tokens through which a discriminator's gradient passes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, Literal

import torch
from torch.nn import functional as F

from textgan.core.options import PositiveFloat, PositiveInt
from textgan.core.roles import Estimator, Generator, RewardFn, TokenSampler
from textgan.core.types import Batch, Loss, Samples, Vocabulary
from textgan.estimators import returns
from textgan.generation.token_samplers import gumbel_softmax, min_temperature


class GumbelSoftmax(Estimator):
    """Estimates the path gradient through relaxed tokens: samples near the corners of the simplex.

    y_t = softmax((logits_t + g_t) / temperature) with g_t ~ Gumbel(0, 1); the generator reads y_t as its next input,
    the discriminator reads all of y, and real text as one-hot vectors. The gradient is that of the expected reward of
    y. It is biased, since y is not discrete text, and the lower the temperature, the smaller the bias and the larger
    the variance.
    Kusner & Hernandez-Lobato 2016 (arXiv:1611.04051), Jang et al. 2017 (arXiv:1611.01144), Maddison et al. 2017
    (arXiv:1611.00712).

    A sentence ends with the first point whose largest coordinate is the end-of-sequence id. The gradient ignores that
    the length depends on the parameters; it includes the discriminator's gradient at the end's own point.

    Below the temperature that the number type can resolve, 0.063 in float32, gradients vanish
    (`textgan.generation.token_samplers.min_temperature`). A lower temperature is an error, and annealing stops there.
    The statistic `temperature` is the one in use.

    Args:
        vocab: gives the size of one-hot vectors.
        temperature: of the softmax; the callback `anneal` may change it from round to round.
        straight_through: the discriminator and the generator read the token of the largest coordinate, as a one-hot
            vector, with the gradient of the relaxed one. The discriminator is trained on ids, which are one-hot vectors
            in fewer numbers.
        gradient_samples: with straight_through, gradients are the mean over that many relaxed samples conditioned on
            each sampled token (Paulus, Maddison & Krause 2021, arXiv:2010.04838): the same gradient on average, with
            less variance. The discriminator scores no additional samples.
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
                f"temperature={temperature}: gradients vanish, because this precision cannot distinguish "
                f"samples from corners of the simplex; expected at least {lowest:.3f}"
            )
        if gradient_samples > 1 and not straight_through:
            raise ValueError(
                f"gradient_samples={gradient_samples}: expected 1 without straight_through, where a "
                "token has one sample; set straight_through: true"
            )
        self.vocab_size = vocab.size
        self.temperature = temperature
        self.straight_through, self.gradient_samples = straight_through, gradient_samples

    def fakes(self, generator: Generator, batch: Batch) -> Samples:
        with torch.no_grad():
            if self.straight_through:  # ids have the distribution of the points' largest coordinates
                return generator.sample(batch)
            return generator.sample(batch, self._sampler(generator))

    def reals(self, generator: Generator, batch: Batch) -> Samples:
        ids = generator.real(batch)
        if self.straight_through:
            return ids
        return ids.with_x(F.one_hot(ids.x, self.vocab_size).to(_dtype(generator)))  # [B,T,V], as the fakes

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

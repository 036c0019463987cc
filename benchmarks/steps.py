"""The toolkit's training steps at any size, ready to be run."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import nn

from benchmarks.sizes import EMBED, FILTERS, HIDDEN, WIDTHS, Size
from textgan.core.roles import Objective
from textgan.core.types import Batch, Samples, Vocabulary
from textgan.discriminators.text_cnn import TextCnn
from textgan.estimators.actor_critic import ActorCritic
from textgan.estimators.gumbel_softmax import GumbelSoftmax
from textgan.estimators.rollout import Rollout
from textgan.generators.lstm import Lstm
from textgan.generators.vae import Vae
from textgan.losses.bce import Bce
from textgan.ops import library
from textgan.rewards.adversarial import AdversarialReward
from textgan.training.loop import ParameterUpdate, Turn, play
from textgan.training.objectives import Adversarial, Discriminate, Likelihood
from textgan.training.optimizers import adam
from textgan_plugins.maskgan.discriminator import TokenAttention
from textgan_plugins.maskgan.generator import Infill

Step = Callable[[], object]


class Steps:
    """SeqGAN's players of a size, and steps with them. Each method sets a step up once and returns it.

    Args:
        size: of the vocabulary, the sequences and the batch.
        device: where to compute.
    """

    def __init__(self, size: Size, device: torch.device) -> None:
        self.size, self.device = size, device
        self.vocab = Vocabulary(size.vocab_size, bos=0, eos=None, pad=0)
        self.generator = Lstm(self.vocab, HIDDEN, HIDDEN).to(device)
        self.d = TextCnn(self.vocab, EMBED, WIDTHS, FILTERS, dropout=0.25).to(device).eval()
        self.estimator = Rollout(self.generator, size.rollouts, "none", "sum")
        self.real = torch.randint(size.vocab_size, (size.rows, size.length), device=device)
        self.update = _parameter_update(self.generator, 1e-2, 5.0)

    def adversarial(self) -> Step:
        """Samples, rolls out, scores and updates the generator."""
        objective = Adversarial(self.generator, self.estimator, AdversarialReward(self.d, Bce()))
        return self._step(objective, [self.update], [self.d])

    def rollouts(self) -> Step:
        """Completes every prefix of a batch of samples."""
        samples = self.generator.sample(Batch.blank(self.size.rows, self.size.length, self.device))
        return torch.no_grad()(lambda: list(self.generator.rollouts(samples, self.size.rollouts)))

    def scoring(self) -> Step:
        """Scores as many sequences as an adversarial step has roll-outs."""
        rows = self.size.rollouts * self.size.rows * (self.size.length - 1)
        x = torch.randint(self.size.vocab_size, (rows, self.size.length), device=self.device)
        everywhere = torch.ones_like(x, dtype=torch.bool)
        return lambda: self.d.score(Samples(x, everywhere, everywhere))

    def discriminator(self, pairs: int | None = None) -> Step:
        """Updates the discriminator on `pairs` real and as many fixed generated sequences; by default, a batch."""
        pairs = pairs or self.size.rows
        fake = self.generator.sample(Batch.blank(pairs, self.size.length, self.device))
        estimator = Rollout(self.generator)
        estimator.fakes = lambda *_: fake  # type: ignore[method-assign]
        objective = Discriminate(self.generator, self.d, Bce(), estimator)
        return self._step(objective, [_parameter_update(self.d, 1e-4)], [self.generator], pairs)

    def likelihood(self) -> Step:
        """Updates the generator by its likelihood of real sequences."""
        return self._step(Likelihood(self.generator), [self.update])

    def sampling(self, count: int = 10_000) -> Step:
        """Samples `count` sequences."""
        return torch.no_grad()(lambda: self.generator.sample(Batch.blank(count, self.size.length, self.device)))

    def gumbel_softmax(self) -> Step:
        """Updates the generator through relaxed samples."""
        objective = Adversarial(self.generator, GumbelSoftmax(self.vocab), AdversarialReward(self.d, Bce()))
        return self._step(objective, [self.update], [self.d])

    def maskgan(self) -> Step:
        """Updates MaskGAN's generator and value network; every second token is given."""
        generator = Infill(self.vocab).to(self.device)
        discriminator = TokenAttention(self.vocab).to(self.device).eval()
        estimator = ActorCritic(self.vocab, 0.89).to(self.device)
        objective = Adversarial(generator, estimator, AdversarialReward(discriminator, Bce("log_probability")))
        updates = [_parameter_update(generator, 5e-4, 10.0), _parameter_update(estimator, 2e-3, 10.0)]
        return self._step(objective, updates, [discriminator], every=2)

    def vae(self) -> Step:
        """Updates a VAE by its bound of the likelihood."""
        model = Vae(self.vocab, word_dropout=0.4).to(self.device)
        return self._step(Likelihood(model), [_parameter_update(model, 4e-3, 5.0)])

    def _step(
        self,
        objective: Objective,
        updates: Sequence[ParameterUpdate],
        frozen: Sequence[nn.Module] = (),
        rows: int | None = None,
        every: int = 0,
    ) -> Step:
        """Returns one turn as a step. Every `every`-th token is given; 0 gives none."""
        tokens = self.real[:rows]
        given = torch.zeros_like(tokens, dtype=torch.bool)
        if every:
            given[:, ::every] = True
        batch = Batch(tokens, torch.ones_like(given), given)
        turn = Turn(objective, updates, [p for player in frozen for p in player.parameters()])
        return lambda: play(turn, iter(lambda: batch, None))


STEPS: Mapping[str, Callable[[Steps], Step]] = {
    "adversarial": Steps.adversarial,
    "rollouts": Steps.rollouts,
    "scoring": Steps.scoring,
    "discriminator": Steps.discriminator,
    "likelihood": Steps.likelihood,
    "sampling": Steps.sampling,
    "gumbel_softmax": Steps.gumbel_softmax,
    "maskgan": Steps.maskgan,
    "vae": Steps.vae,
}
"""Name on the command line -> the method that sets the step up."""


@contextmanager
def without_kernel() -> Iterator[None]:
    """Turns the compiled kernels off, as TEXTGAN_NATIVE=0 does."""
    before = os.environ.get(library.SWITCH)
    os.environ[library.SWITCH] = "0"
    library.load.cache_clear()
    try:
        yield
    finally:
        if before is None:
            del os.environ[library.SWITCH]
        else:
            os.environ[library.SWITCH] = before
        library.load.cache_clear()


def _parameter_update(player: nn.Module, lr: float, clip: float | None = None) -> ParameterUpdate:
    parameters = [p for p in player.parameters() if p.requires_grad]
    return ParameterUpdate(player, parameters, adam(parameters, lr), clip)

"""The toolkit's own steps, ready to be played, at any size."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import nn

from benchmarks.sizes import EMBED, FILTERS, HIDDEN, WIDTHS, Size
from textgan.discriminators.text_cnn import TextCnn
from textgan.estimators.actor_critic import ActorCritic
from textgan.estimators.gumbel_softmax import GumbelSoftmax
from textgan.estimators.rollout import Rollout
from textgan.generators.lstm import Lstm
from textgan.generators.vae import Vae
from textgan.ops import library
from textgan.losses.bce import Bce
from textgan.training.objectives import Adversarial, Discriminate, Likelihood
from textgan.training.optimizers import adam
from textgan.rewards.adversarial import Verdict
from textgan.core.roles import Objective
from textgan.training.loop import ParameterUpdate, Turn, play
from textgan.core.types import Batch, Samples, Vocabulary
from textgan_plugins.maskgan.discriminator import TokenAttention
from textgan_plugins.maskgan.generator import Infill

Step = Callable[[], object]


class Steps:
    """SeqGAN's players of a size, and what can be played with them. Everything that is asked for is made once.

    Args:
        size: how large.
        device: where.
    """

    def __init__(self, size: Size, device: torch.device) -> None:
        self.size, self.device = size, device
        self.vocab = Vocabulary(size.words, bos=0, eos=None, pad=0)
        self.generator = Lstm(self.vocab, HIDDEN, HIDDEN).to(device)
        self.judge = TextCnn(self.vocab, EMBED, WIDTHS, FILTERS, dropout=0.25).to(device).eval()
        self.estimator = Rollout(self.generator, size.rollouts, "none", "sum")
        self.real = torch.randint(size.words, (size.rows, size.length), device=device)
        self.writer = _parameter_update(self.generator, 1e-2, 5.0)

    def adversarial(self) -> Step:
        """Sample, roll out, score, update."""
        objective = Adversarial(self.generator, self.estimator, Verdict(self.judge, Bce()))
        return self._played(objective, [self.writer], [self.judge])

    def rollouts(self) -> Step:
        samples = self.generator.sample(Batch.blank(self.size.rows, self.size.length, self.device))
        return torch.no_grad()(lambda: list(self.generator.rollouts(samples, self.size.rollouts)))

    def scoring(self) -> Step:
        """Of as many sentences as one step's roll-outs."""
        rows = self.size.rollouts * self.size.rows * (self.size.length - 1)
        x = torch.randint(self.size.words, (rows, self.size.length), device=self.device)
        marks = torch.ones_like(x, dtype=torch.bool)
        return lambda: self.judge.score(Samples(x, marks, marks))

    def discriminator(self, pairs: int | None = None) -> Step:
        """On so many real and as many written sentences, which were drawn before; the size's rows by default."""
        pairs = pairs or self.size.rows
        fake = self.generator.sample(Batch.blank(pairs, self.size.length, self.device))
        estimator = Rollout(self.generator)
        estimator.fakes = lambda *_: fake  # type: ignore[method-assign]
        objective = Discriminate(self.generator, self.judge, Bce(), estimator)
        return self._played(objective, [_parameter_update(self.judge, 1e-4)], [self.generator], pairs)

    def likelihood(self) -> Step:
        return self._played(Likelihood(self.generator), [self.writer])

    def sampling(self, count: int = 10_000) -> Step:
        return torch.no_grad()(lambda: self.generator.sample(Batch.blank(count, self.size.length, self.device)))

    def gumbel_softmax(self) -> Step:
        """The generator's step through blurred words."""
        objective = Adversarial(self.generator, GumbelSoftmax(self.vocab), Verdict(self.judge, Bce()))
        return self._played(objective, [self.writer], [self.judge])

    def maskgan(self) -> Step:
        """The step of generator and critic; every second word is given."""
        writer = Infill(self.vocab).to(self.device)
        judge, critic = TokenAttention(self.vocab).to(self.device).eval(), ActorCritic(self.vocab, 0.89).to(self.device)
        objective = Adversarial(writer, critic, Verdict(judge, Bce("log_probability")))
        return self._played(objective, [_parameter_update(writer, 5e-4, 10.0), _parameter_update(critic, 2e-3, 10.0)], [judge], every=2)

    def vae(self) -> Step:
        """A step of the bound."""
        model = Vae(self.vocab, word_dropout=0.4).to(self.device)
        return self._played(Likelihood(model), [_parameter_update(model, 4e-3, 5.0)])

    def _played(
        self,
        objective: Objective,
        updates: Sequence[ParameterUpdate],
        frozen: Sequence[nn.Module] = (),
        rows: int | None = None,
        every: int = 0,
    ) -> Step:
        """One turn. Every so many words are given, 0 for none."""
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
"""By the names that the command line knows."""


@contextmanager
def without_kernel() -> Iterator[None]:
    """Everything in plain PyTorch, as with TEXTGAN_NATIVE=0."""
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

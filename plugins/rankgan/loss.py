"""The ranking loss: a ranker orders sentences by how close they are to real ones, instead of judging each alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ClassVar, Literal

import torch
from torch import Tensor
from torch.nn import functional

from textgan.core.errors import UserError
from textgan.options import PositiveFloat, PositiveInt, Probability
from textgan.roles import AdversarialLoss, Discriminator
from textgan.types import Loss, Samples

ROWS = 4096
"""Sequences that are ranked at once where no gradient is needed: bounds the memory of their features."""


class Ranking(AdversarialLoss):
    """RankGAN's game: which sentence is closest to real ones?

    Lin et al. 2017 (arXiv:1705.11001), equations 1 to 5. Of sentences s, references u and a comparison set C:

        alpha(s|u) = cos(y_s, y_u), y the discriminator's features
        P(s|u,C) = exp(gamma alpha(s|u)) / sum of exp(gamma alpha(s'|u)) over s and all s' in C
        log R(s|U,C) = mean of log P(s|u,C) over u in U

    The ranker minimises -(mean log R of real sentences, C written) + (mean log R of written ones, C real). A fake earns
    log R, C real. The first real sentences of a batch are the references; they are not ranked themselves, since a
    sentence is its own perfect reference. The next ones are the comparison set. Batches are shuffled, so no random
    numbers are drawn here, and the same text earns the same all through a step.

    The authors' code differs: a score is gamma times the *sum* of the cosines, R the softmax of these scores over the
    mixed batch, in whose loss the softmax cancels: mean score of written sentences - mean score of real ones. A fake
    earns the probability, not its logarithm, from a softmax over written sentences alone.

    Args:
        form: "paper", or "released", the authors' code.
        gamma: the softmax's inverse temperature; 1 in the authors' code.
        references: real sentences in U, at most half of the batch; 16 in the authors' code.
        comparison: sentences in C. In the released form, fakes that share a softmax when they are paid: successive
            ones, which are roll-outs of prefixes of one length where no sentence ends early and this is the number of
            sequences in a step, 32 in the authors' code.
        dropout: rate on the features while the ranker learns; 0.25 in the authors' code.
    """

    requires: ClassVar[frozenset[str]] = frozenset({"features"})

    def __init__(
        self,
        form: Literal["paper", "released"] = "paper",
        gamma: PositiveFloat = 1.0,
        references: PositiveInt = 16,
        comparison: PositiveInt = 16,
        dropout: Probability = 0.0,
    ) -> None:
        self.released = form == "released"
        self.gamma = gamma
        self.references, self.comparison = references, comparison
        self.dropout = dropout

    def discriminator(self, d: Discriminator, real: Samples, fake: Samples) -> Loss:
        theirs, ours = self._directions(d, real), self._directions(d, fake)  # [B,F]
        some = self._some(real)
        references, theirs = theirs[:some], theirs[some:]
        if self.released:
            scores = score(torch.cat([theirs, ours]), references, self.gamma)
            on_real, on_fake = shares(scores, len(scores)).split([len(theirs), len(ours)])
        else:
            on_real = log_rank(theirs, references, ours[: self.comparison], self.gamma)
            on_fake = log_rank(ours, references, theirs[: self.comparison], self.gamma)
        value = on_fake.mean() - on_real.mean()
        return Loss(value, {"d_loss": value.detach(), **_accuracies(theirs, ours, references)})

    def reward(self, d: Discriminator, fake: Samples, real: Samples) -> Tensor:
        some = self._some(real)
        with torch.no_grad():
            known = self._directions(d, real[: some + self.comparison])
        references, comparison = known[:some], known[some:]
        if self.released:
            scores = self._each(d, fake, lambda ours: score(ours, references, self.gamma))
            return shares(scores, self.comparison).exp().unsqueeze(1)
        return self._each(d, fake, lambda ours: log_rank(ours, references, comparison, self.gamma)).unsqueeze(1)

    def _some(self, real: Samples) -> int:
        """How many of the real sentences are references."""
        if len(real) < 2:
            raise UserError(
                f"ranking needs 2 real sequences or more to compare with, not {len(real)}: raise batch_size"
            )
        return min(self.references, len(real) // 2)

    def _each(self, d: Discriminator, fake: Samples, rank: Callable[[Tensor], Tensor]) -> Tensor:
        """`rank` of each fake's direction, [R], in pieces that fit unless gradients pass through."""
        if fake.x.requires_grad:
            return rank(self._directions(d, fake))
        with torch.no_grad():
            starts = range(0, max(1, len(fake)), ROWS)
            return torch.cat([rank(self._directions(d, fake[i : i + ROWS])) for i in starts])

    def _directions(self, d: Discriminator, samples: Samples) -> Tensor:
        """Features of length one, [B,F], whose products are cosines."""
        features = functional.dropout(d.features(samples), self.dropout, d.training)
        return functional.normalize(features, dim=1, eps=1e-6)


def log_rank(directions: Tensor, references: Tensor, comparison: Tensor, gamma: float) -> Tensor:
    """log R(s|U,C), [B]. directions of s: [B,F]; references: [U,F]; comparison: [C,F]."""
    alpha = gamma * directions @ references.t()  # [B,U]
    rest = (gamma * comparison @ references.t()).logsumexp(0)  # [U]
    return (alpha - torch.logaddexp(alpha, rest)).mean(1)


def score(directions: Tensor, references: Tensor, gamma: float) -> Tensor:
    """gamma times the sum of the cosines with all references, [B]."""
    return gamma * directions @ references.sum(0)


def shares(scores: Tensor, size: int) -> Tensor:
    """The log softmax of scores [B] over each group of `size` successive ones, [B].

    A last group of fewer is scaled like a whole one, so that its members earn no more for being few.
    """
    groups, missing = -(-len(scores) // size), -len(scores) % size
    grouped = functional.pad(scores, (0, missing), value=-torch.inf).view(groups, size)
    count = torch.full_like(grouped[:, :1], size)
    count[-1:] -= missing
    return (grouped - grouped.logsumexp(1, keepdim=True) + count.log() - math.log(size)).flatten()[: len(scores)]


def _accuracies(theirs: Tensor, ours: Tensor, references: Tensor) -> dict[str, Tensor]:
    """How many real and written sentences are on the right side of the middle between the two kinds."""
    with torch.no_grad():
        on_real, on_fake = (score(directions, references, 1.0) for directions in (theirs, ours))
        middle = (on_real.mean() + on_fake.mean()) / 2
        return {
            "d_accuracy_real": (on_real > middle).float().mean(),
            "d_accuracy_fake": (on_fake < middle).float().mean(),
        }

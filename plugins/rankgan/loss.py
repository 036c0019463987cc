"""RankGAN's ranking loss: a ranker orders sentences by their similarity to real ones, instead of scoring each alone."""

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
"""Sequences to rank at once if no gradient is needed: bounds the memory of their features."""


class Ranking(AdversarialLoss):
    """Ranks sentences by the similarity of their features to those of real sentences: RankGAN's loss and reward.

    Lin et al. 2017 (arXiv:1705.11001), equations 1 to 5. For sentences s, references u and a comparison set C:

        alpha(s|u) = cos(y_s, y_u), y the discriminator's features
        P(s|u,C) = exp(gamma alpha(s|u)) / sum of exp(gamma alpha(s'|u)) over s and all s' in C
        log R(s|U,C) = mean of log P(s|u,C) over u in U

    The ranker minimises -(mean log R of real sentences, C generated) + (mean log R of generated ones, C real). The
    reward of a generated sentence is log R, C real. The first real sentences of a batch are the references. They are
    not ranked themselves, because a sentence is its own perfect reference. The next ones are the comparison set.
    Batches are shuffled, so no random numbers are needed here, and rewards of equal text are equal within a step.

    The authors' code differs: a score is gamma times the *sum* of the cosines, and R is the softmax of these scores
    over the mixed batch. In its loss the softmax cancels: mean score of generated sentences - mean score of real ones.
    The reward of a generated sentence is the probability, not its logarithm, from a softmax over generated sentences
    only.

    Args:
        form: "paper", or "released", the authors' code.
        gamma: inverse temperature of the softmax; 1 in the authors' code.
        references: real sentences in U, at most half of the batch; 16 in the authors' code.
        comparison: sentences in C. In the released form, the number of successive generated sentences that share a
            softmax when rewards are computed. If this is the number of sequences in a step and no sentence ends early,
            these are roll-outs of prefixes of one length. 32 in the authors' code.
        dropout: rate on the features while the ranker is trained; 0.25 in the authors' code.
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
        real_directions, fake_directions = self._directions(d, real), self._directions(d, fake)  # [B,F]
        count = self._reference_count(real)
        references, real_directions = real_directions[:count], real_directions[count:]
        if self.released:
            scores = score(torch.cat([real_directions, fake_directions]), references, self.gamma)
            sizes = [len(real_directions), len(fake_directions)]
            on_real, on_fake = grouped_log_softmax(scores, len(scores)).split(sizes)
        else:
            on_real = log_rank(real_directions, references, fake_directions[: self.comparison], self.gamma)
            on_fake = log_rank(fake_directions, references, real_directions[: self.comparison], self.gamma)
        value = on_fake.mean() - on_real.mean()
        return Loss(value, {"d_loss": value.detach(), **_accuracies(real_directions, fake_directions, references)})

    def reward(self, d: Discriminator, fake: Samples, real: Samples) -> Tensor:
        count = self._reference_count(real)
        with torch.no_grad():
            directions = self._directions(d, real[: count + self.comparison])
        references, comparison = directions[:count], directions[count:]
        if self.released:
            scores = self._in_chunks(d, fake, lambda chunk: score(chunk, references, self.gamma))
            return grouped_log_softmax(scores, self.comparison).exp().unsqueeze(1)
        rewards = self._in_chunks(d, fake, lambda chunk: log_rank(chunk, references, comparison, self.gamma))
        return rewards.unsqueeze(1)

    def _reference_count(self, real: Samples) -> int:
        """Computes how many of the real sentences are references."""
        if len(real) < 2:
            raise UserError(
                f"loss=ranking: there are too few real sequences to compare with, {len(real)}; expected at least 2; "
                "raise batch_size"
            )
        return min(self.references, len(real) // 2)

    def _in_chunks(self, d: Discriminator, fake: Samples, rank: Callable[[Tensor], Tensor]) -> Tensor:
        """Applies `rank` to the directions of generated sentences, [R], in chunks if no gradient is needed."""
        if fake.x.requires_grad:
            return rank(self._directions(d, fake))
        with torch.no_grad():
            starts = range(0, max(1, len(fake)), ROWS)
            return torch.cat([rank(self._directions(d, fake[i : i + ROWS])) for i in starts])

    def _directions(self, d: Discriminator, samples: Samples) -> Tensor:
        """Computes features normalised to length 1, [B,F], so that their products are cosines."""
        features = functional.dropout(d.features(samples), self.dropout, d.training)
        return functional.normalize(features, dim=1, eps=1e-6)


def log_rank(directions: Tensor, references: Tensor, comparison: Tensor, gamma: float) -> Tensor:
    """Computes log R(s|U,C) of each sentence, [B].

    Args:
        directions: of the sentences s, [B,F].
        references: [U,F].
        comparison: [C,F].
        gamma: inverse temperature.
    """
    alpha = gamma * directions @ references.t()  # [B,U]
    others = (gamma * comparison @ references.t()).logsumexp(0)  # [U]
    return (alpha - torch.logaddexp(alpha, others)).mean(1)


def score(directions: Tensor, references: Tensor, gamma: float) -> Tensor:
    """Computes gamma times the sum of the cosines with all references, [B].

    Args:
        directions: [B,F].
        references: [U,F].
        gamma: inverse temperature.
    """
    return gamma * directions @ references.sum(0)


def grouped_log_softmax(scores: Tensor, size: int) -> Tensor:
    """Computes the log softmax over each group of `size` successive scores, [B].

    A smaller last group is scaled like a full one, so that its members are not rewarded for being few.

    Args:
        scores: [B].
        size: number of scores in a group.
    """
    groups, missing = -(-len(scores) // size), -len(scores) % size
    grouped = functional.pad(scores, (0, missing), value=-torch.inf).view(groups, size)
    count = torch.full_like(grouped[:, :1], size)
    count[-1:] -= missing
    return (grouped - grouped.logsumexp(1, keepdim=True) + count.log() - math.log(size)).flatten()[: len(scores)]


def _accuracies(real: Tensor, fake: Tensor, references: Tensor) -> dict[str, Tensor]:
    """Computes the shares of real and generated sentences on the right side of the midpoint of the two mean scores.

    Args:
        real: directions of real sentences, [B,F].
        fake: directions of generated sentences, [B,F].
        references: [U,F].
    """
    with torch.no_grad():
        on_real, on_fake = (score(directions, references, 1.0) for directions in (real, fake))
        middle = (on_real.mean() + on_fake.mean()) / 2
        return {
            "d_accuracy_real": (on_real > middle).float().mean(),
            "d_accuracy_fake": (on_fake < middle).float().mean(),
        }

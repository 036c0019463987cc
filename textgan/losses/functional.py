"""What losses share: means over the verdicts that count, pairs of them, and how a generator is paid for one."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor
from torch.nn import functional as F

from textgan.core.roles import Discriminator
from textgan.core.types import Samples, Scores

REWARD_TRANSFORMS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "probability": Tensor.sigmoid,
    "log_probability": F.logsigmoid,
    "logit": Tensor.clone,
}
"""What a logit is worth, by the option `reward_transform`."""


def both(d: Discriminator, real: Samples, fake: Samples) -> tuple[Scores, Scores]:
    """Verdicts on real and on written sequences, in one pass: each of its matrix products is as large as two."""
    if real.x.shape[1:] != fake.x.shape[1:]:
        return d(real), d(fake)
    logits, weight = d(Samples.cat([real, fake]))
    (on_real, on_fake), (real_counts, fake_counts) = (part.split([len(real), len(fake)]) for part in (logits, weight))
    return Scores(on_real, real_counts), Scores(on_fake, fake_counts)


def mean(each: Tensor, weight: Tensor) -> Tensor:
    """The mean over the verdicts that count; 0 where none does. each, weight: [B,K]."""
    return (each * weight).sum() / weight.sum().clamp_min(1)


def share(right: Tensor, weight: Tensor) -> Tensor:
    """The share of verdicts that are right, of those that count: a statistic. right: [B,K] bool."""
    return mean(right.to(weight), weight).detach()


def accuracies(on_real: Scores, on_fake: Scores, between: float = 0.0) -> dict[str, Tensor]:
    """The shares of both kinds that are told, where logits above `between` say real."""
    return {
        "d_accuracy_real": share(on_real.logits > between, on_real.weight),
        "d_accuracy_fake": share(on_fake.logits < between, on_fake.weight),
    }


def cross_entropy(on_real: Scores, on_fake: Scores, smoothing: float = 0.0) -> Tensor:
    """-log D(real) - log(1 - D(fake)), averaged; reals have the target 1 - smoothing."""
    return 0.5 * (_cross_entropy(on_real, 1 - smoothing) + _cross_entropy(on_fake, 0.0))


def _cross_entropy(scores: Scores, target: float) -> Tensor:
    targets = scores.logits.new_full(scores.logits.shape, target)
    each = F.binary_cross_entropy_with_logits(scores.logits, targets, reduction="none")
    return mean(each, scores.weight)


def pairs(on_real: Scores, on_fake: Scores) -> Scores:
    """d(real) - d(fake) of the i-th real and the i-th fake sequence, as many as the fewer of the two.

    Verdicts on tokens are paired by position. A pair counts where both verdicts do.
    """
    rows = min(len(on_real.logits), len(on_fake.logits))
    return Scores(on_real.logits[:rows] - on_fake.logits[:rows], on_real.weight[:rows] * on_fake.weight[:rows])


def of_fakes(d: Discriminator, fake: Samples) -> Scores:
    """The verdicts that a generator is paid for: with gradients if the samples carry any, else as fast as can be."""
    return d(fake) if fake.x.requires_grad else d.score(fake)

"""Functions that losses share: scoring, masked statistics, pairs of scores, and transforms from scores to rewards."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor
from torch.nn import functional as F

from textgan.core.roles import Discriminator
from textgan.core.types import Samples, Scores
from textgan.ops.masked import masked_mean

REWARD_TRANSFORMS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "probability": Tensor.sigmoid,
    "log_probability": F.logsigmoid,
    "logit": Tensor.clone,
}
"""The values of the option `reward_transform` -> the function from logits to rewards."""


def score_both(d: Discriminator, real: Samples, fake: Samples) -> tuple[Scores, Scores]:
    """Scores real and generated sequences in one forward pass where their shapes allow it, else in two.

    One pass over both has matrix products of twice the size, which is faster than two passes.
    """
    if real.x.shape[1:] != fake.x.shape[1:]:
        return d(real), d(fake)
    logits, weight = d(Samples.cat([real, fake]))
    sizes = [len(real), len(fake)]
    (real_logits, fake_logits), (real_weight, fake_weight) = (part.split(sizes) for part in (logits, weight))
    return Scores(real_logits, real_weight), Scores(fake_logits, fake_weight)


def score_fake(d: Discriminator, fake: Samples) -> Scores:
    """Scores generated sequences for a reward: with gradients if the samples have any, else by the faster `d.score`."""
    return d(fake) if fake.x.requires_grad else d.score(fake)


def masked_share(condition: Tensor, weight: Tensor) -> Tensor:
    """Computes the share of scores for which a condition holds, a detached scalar.

    Args:
        condition: [B,K] bool.
        weight: [B,K], 1 where a score counts, else 0.
    """
    return masked_mean(condition.to(weight), weight).detach()


def accuracies(on_real: Scores, on_fake: Scores, threshold: float = 0.0) -> dict[str, Tensor]:
    """Computes the shares of real and of generated sequences that are classified correctly.

    Args:
        on_real: scores of real sequences.
        on_fake: scores of generated sequences.
        threshold: logits above it mean real.
    """
    return {
        "d_accuracy_real": masked_share(on_real.logits > threshold, on_real.weight),
        "d_accuracy_fake": masked_share(on_fake.logits < threshold, on_fake.weight),
    }


def cross_entropy(on_real: Scores, on_fake: Scores, smoothing: float = 0.0) -> Tensor:
    """Computes 1/2 (mean -log D(real) + mean -log(1 - D(fake))); real sequences have the target 1 - smoothing."""
    return 0.5 * (_cross_entropy(on_real, 1 - smoothing) + _cross_entropy(on_fake, 0.0))


def _cross_entropy(scores: Scores, target: float) -> Tensor:
    targets = scores.logits.new_full(scores.logits.shape, target)
    return masked_mean(F.binary_cross_entropy_with_logits(scores.logits, targets, reduction="none"), scores.weight)


def pairs(on_real: Scores, on_fake: Scores) -> Scores:
    """Computes d(real) - d(fake) of the i-th real and the i-th generated sequence.

    The number of pairs is the smaller of the two numbers of sequences. Scores of tokens are paired by position. A pair
    counts where both of its scores do.
    """
    rows = min(len(on_real.logits), len(on_fake.logits))
    return Scores(on_real.logits[:rows] - on_fake.logits[:rows], on_real.weight[:rows] * on_fake.weight[:rows])

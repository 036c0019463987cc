"""The maximum-margin loss of inverse reinforcement learning."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from textgan.core.options import PositiveFloat
from textgan.core.roles import AdversarialLoss, Discriminator
from textgan.core.types import Loss, Samples
from textgan.losses import functional
from textgan.ops.masked import masked_mean


class Margin(AdversarialLoss):
    """Fits a reward function under which real text exceeds generated text by a margin.

    The discriminator is that reward function. It minimises max(0, margin - (d(real) - d(fake))), averaged over pairs:
    the expert is best (Abbeel & Ng 2004, "Apprenticeship Learning via Inverse Reinforcement Learning"; Ratliff et al.
    2006, "Maximum Margin Planning"). In these papers the reward is linear in features and the margin may grow with the
    difference between two plans. Here the reward is the discriminator, and the margin is one number. Only differences
    count: a logit of 0 has no meaning of its own. The reward of a generated sequence is its logit.

    Args:
        margin: by how much the score of a real sequence should exceed that of a generated one.
    """

    def __init__(self, margin: PositiveFloat = 1.0) -> None:
        self.margin = margin

    def discriminator(self, d: Discriminator, real: Samples, fake: Samples) -> Loss:
        difference, weight = functional.pairs(*functional.score_both(d, real, fake))
        value = masked_mean(F.relu(self.margin - difference), weight)
        accuracy = functional.masked_share(difference > 0, weight)
        return Loss(value, {"d_loss": value.detach(), "d_accuracy_pairs": accuracy})

    def reward(self, d: Discriminator, fake: Samples, real: Samples) -> Tensor:
        logits, weight = functional.score_fake(d, fake)
        return logits * weight

"""The margin loss of inverse reinforcement learning: the expert is best."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from textgan.losses import functional
from textgan.core.options import PositiveFloat
from textgan.core.roles import AdversarialLoss, Discriminator
from textgan.core.types import Loss, Samples


class Margin(AdversarialLoss):
    """Maximum margin: a reward function under which real text beats written text by a margin.

    The discriminator is the reward function that is sought, and minimises max(0, margin - (d(real) - d(fake))),
    averaged over pairs: the expert is best (Abbeel & Ng 2004, "Apprenticeship Learning via Inverse Reinforcement
    Learning"; Ratliff et al. 2006, "Maximum Margin Planning"). There the reward is linear in features and the margin
    may grow with how different two plans are; here it is the discriminator, and the margin is one number.
    Only differences count: a logit of 0 says nothing. A fake earns its logit.

    Args:
        margin: by how much a real sequence should beat a written one.
    """

    def __init__(self, margin: PositiveFloat = 1.0) -> None:
        self.margin = margin

    def discriminator(self, d: Discriminator, real: Samples, fake: Samples) -> Loss:
        ahead, weight = functional.pairs(*functional.both(d, real, fake))
        value = functional.mean(F.relu(self.margin - ahead), weight)
        return Loss(value, {"d_loss": value.detach(), "d_accuracy_pairs": functional.share(ahead > 0, weight)})

    def reward(self, d: Discriminator, fake: Samples, real: Samples) -> Tensor:
        logits, weight = functional.of_fakes(d, fake)
        return logits * weight

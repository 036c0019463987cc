"""Rewards, as recipes name them."""

from typing import TYPE_CHECKING

from textgan.core.lazy import lazy_exports

if TYPE_CHECKING:
    from textgan.rewards.adversarial import AdversarialReward as AdversarialReward
    from textgan.rewards.bleu import Bleu as Bleu
    from textgan.rewards.constant import Constant as Constant
    from textgan.rewards.scorer import Scorer as Scorer

__getattr__, __dir__, __all__ = lazy_exports(__name__)

"""Estimators of the policy gradient, as recipes name them."""

from typing import TYPE_CHECKING

from textgan.core.lazy import lazy_exports

if TYPE_CHECKING:
    from textgan.estimators.actor_critic import ActorCritic as ActorCritic
    from textgan.estimators.gumbel_softmax import GumbelSoftmax as GumbelSoftmax
    from textgan.estimators.pathwise import Pathwise as Pathwise
    from textgan.estimators.reinforce import Reinforce as Reinforce
    from textgan.estimators.rollout import Rollout as Rollout

__getattr__, __dir__, __all__ = lazy_exports(__name__)

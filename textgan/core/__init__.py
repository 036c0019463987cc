"""Defines the contracts: types, roles, the component registry, options, errors. Imports none of the other packages."""

from typing import TYPE_CHECKING

from textgan.core.lazy import lazy_exports

if TYPE_CHECKING:
    from textgan.core.errors import Failure as Failure
    from textgan.core.errors import UserError as UserError
    from textgan.core.registry import Component as Component
    from textgan.core.registry import register as register
    from textgan.core.roles import AdversarialLoss as AdversarialLoss
    from textgan.core.roles import Decoding as Decoding
    from textgan.core.roles import Discriminator as Discriminator
    from textgan.core.roles import Estimator as Estimator
    from textgan.core.roles import Generator as Generator
    from textgan.core.roles import Head as Head
    from textgan.core.roles import Objective as Objective
    from textgan.core.roles import Reward as Reward
    from textgan.core.roles import RewardFn as RewardFn
    from textgan.core.roles import Rollouts as Rollouts
    from textgan.core.roles import TokenSampler as TokenSampler
    from textgan.core.roles import Tracker as Tracker
    from textgan.core.spec import Option as Option
    from textgan.core.spec import Spec as Spec
    from textgan.core.types import Batch as Batch
    from textgan.core.types import Loss as Loss
    from textgan.core.types import Samples as Samples
    from textgan.core.types import Scores as Scores
    from textgan.core.types import Space as Space
    from textgan.core.types import Vocabulary as Vocabulary

__getattr__, __dir__, __all__ = lazy_exports(__name__)

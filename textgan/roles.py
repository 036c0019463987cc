"""The roles of components, for plugins: one import for what `textgan.core`, `data`, `metrics` and `training` define."""

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
from textgan.data.interfaces import Blanks as Blanks
from textgan.data.interfaces import Oracle as Oracle
from textgan.data.interfaces import Raw as Raw
from textgan.data.interfaces import Source as Source
from textgan.metrics.base import Evaluation as Evaluation
from textgan.metrics.base import Metric as Metric
from textgan.training.callbacks.base import Callback as Callback

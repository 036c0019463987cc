"""Training: the loop, objectives, optimizers, the device and process, callbacks and trackers."""

from typing import TYPE_CHECKING

from textgan.core.lazy import lazy_exports

if TYPE_CHECKING:
    from textgan.training.callbacks.base import Callback as Callback
    from textgan.training.engine import prepare_process as prepare_process
    from textgan.training.engine import select_device as select_device
    from textgan.training.loop import ParameterUpdate as ParameterUpdate
    from textgan.training.loop import Phase as Phase
    from textgan.training.loop import Progress as Progress
    from textgan.training.loop import RoundResult as RoundResult
    from textgan.training.loop import Turn as Turn
    from textgan.training.loop import play as play
    from textgan.training.loop import train as train
    from textgan.training.objectives import Adversarial as Adversarial
    from textgan.training.objectives import Discriminate as Discriminate
    from textgan.training.objectives import Likelihood as Likelihood
    from textgan.training.objectives import ScheduledSampling as ScheduledSampling

__getattr__, __dir__, __all__ = lazy_exports(__name__)

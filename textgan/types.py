"""The types that flow between components, for plugins (see `textgan.core.types`)."""

from textgan.core.types import Batch as Batch
from textgan.core.types import Loss as Loss
from textgan.core.types import Samples as Samples
from textgan.core.types import Scores as Scores
from textgan.core.types import Space as Space
from textgan.core.types import Vocabulary as Vocabulary

"""The types of component options, for plugins (see `textgan.core.options`)."""

from textgan.core.options import Annotated as Annotated
from textgan.core.options import Any as Any
from textgan.core.options import Count as Count
from textgan.core.options import Fraction as Fraction
from textgan.core.options import Ge as Ge
from textgan.core.options import Gt as Gt
from textgan.core.options import Le as Le
from textgan.core.options import Literal as Literal
from textgan.core.options import Lt as Lt
from textgan.core.options import Mapping as Mapping
from textgan.core.options import NonNegativeFloat as NonNegativeFloat
from textgan.core.options import PhaseName as PhaseName
from textgan.core.options import PositiveFloat as PositiveFloat
from textgan.core.options import PositiveInt as PositiveInt
from textgan.core.options import Probability as Probability
from textgan.core.options import Sequence as Sequence

"""Sources of text, as recipes name them."""

from typing import TYPE_CHECKING

from textgan.core.lazy import lazy_exports

if TYPE_CHECKING:
    from textgan.data.sources.arithmetic import Arithmetic as Arithmetic
    from textgan.data.sources.grammar import Grammar as Grammar
    from textgan.data.sources.hub import Hub as Hub
    from textgan.data.sources.oracle import OracleLstm as OracleLstm
    from textgan.data.sources.text import TextFiles as TextFiles
    from textgan.data.sources.tokens import TokenFiles as TokenFiles

__getattr__, __dir__, __all__ = lazy_exports(__name__)

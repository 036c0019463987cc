"""Discriminators, as recipes name them."""

from typing import TYPE_CHECKING

from textgan.core.lazy import lazy_exports

if TYPE_CHECKING:
    from textgan.discriminators.mlp import Mlp as Mlp
    from textgan.discriminators.text_cnn import TextCnn as TextCnn
    from textgan.discriminators.token_lstm import TokenLstm as TokenLstm

__getattr__, __dir__, __all__ = lazy_exports(__name__)

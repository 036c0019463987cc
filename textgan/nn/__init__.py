"""Implements the layers that generators, discriminators and metrics share."""

from typing import TYPE_CHECKING

from textgan.core.lazy import lazy_exports

if TYPE_CHECKING:
    from textgan.nn.embedding import embed as embed
    from textgan.nn.encoder import LstmEncoder as LstmEncoder
    from textgan.nn.language_model import LanguageModel as LanguageModel
    from textgan.nn.lm_head import LinearHead as LinearHead
    from textgan.nn.lm_head import LogitsHead as LogitsHead
    from textgan.nn.logit_mask import logit_mask as logit_mask
    from textgan.nn.lstm import LSTM as LSTM
    from textgan.nn.residual import ResidualMlp as ResidualMlp
    from textgan.nn.text_conv import TextConvolution as TextConvolution
    from textgan.nn.value_network import ValueNetwork as ValueNetwork

__getattr__, __dir__, __all__ = lazy_exports(__name__)

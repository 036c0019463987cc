"""Tokenizers: text to ids and back."""

from typing import TYPE_CHECKING

from textgan.core.lazy import lazy_exports

if TYPE_CHECKING:
    from textgan.data.tokenizers.base import Tokenizer as Tokenizer
    from textgan.data.tokenizers.builtin import bpe as bpe
    from textgan.data.tokenizers.builtin import char as char
    from textgan.data.tokenizers.builtin import pretrained as pretrained
    from textgan.data.tokenizers.builtin import word as word

__getattr__, __dir__, __all__ = lazy_exports(__name__)

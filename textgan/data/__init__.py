"""Text: sources, tokenizers, the encoded corpus and training batches."""

from typing import TYPE_CHECKING

from textgan.core.lazy import lazy_exports

if TYPE_CHECKING:
    from textgan.data.batches import Batches as Batches
    from textgan.data.corpus import Corpus as Corpus
    from textgan.data.corpus import Split as Split
    from textgan.data.corpus import build_corpus as build_corpus
    from textgan.data.interfaces import Blanks as Blanks
    from textgan.data.interfaces import Oracle as Oracle
    from textgan.data.interfaces import Raw as Raw
    from textgan.data.interfaces import Source as Source
    from textgan.data.tokenizers.base import Tokenizer as Tokenizer

__getattr__, __dir__, __all__ = lazy_exports(__name__)

"""Metrics as plain functions of texts."""

from typing import TYPE_CHECKING

from textgan.core.lazy import lazy_exports

if TYPE_CHECKING:
    from textgan.metrics.functional.bleu import References as References
    from textgan.metrics.functional.bleu import leave_one_out as leave_one_out
    from textgan.metrics.functional.bleu import sentence_bleu as sentence_bleu
    from textgan.metrics.functional.ngrams import Ngrams as Ngrams

__getattr__, __dir__, __all__ = lazy_exports(__name__)

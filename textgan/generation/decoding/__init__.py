"""Decodings: how text is generated for evaluations."""

from typing import TYPE_CHECKING

from textgan.core.lazy import lazy_exports

if TYPE_CHECKING:
    from textgan.generation.decoding.ancestral import Ancestral as Ancestral
    from textgan.generation.decoding.beam import Beam as Beam
    from textgan.generation.decoding.best_of import BestOf as BestOf
    from textgan.generation.decoding.gaussian_codes import GaussianCodes as GaussianCodes

__getattr__, __dir__, __all__ = lazy_exports(__name__)

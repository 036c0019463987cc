"""Generators, as recipes name them."""

from typing import TYPE_CHECKING

from textgan.core.lazy import lazy_exports

if TYPE_CHECKING:
    from textgan.generators.causal_lm import CausalLm as CausalLm
    from textgan.generators.latent import Latent as Latent
    from textgan.generators.lstm import Lstm as Lstm
    from textgan.generators.vae import Vae as Vae

__getattr__, __dir__, __all__ = lazy_exports(__name__)

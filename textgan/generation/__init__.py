"""Generation of sequences: the sampler, token samplers, decodings and latent codes."""

from typing import TYPE_CHECKING

from textgan.core.lazy import lazy_exports

if TYPE_CHECKING:
    from textgan.generation.autoregressive import Autoregressive as Autoregressive
    from textgan.generation.sampling import Decoder as Decoder
    from textgan.generation.sampling import TokenCounter as TokenCounter
    from textgan.generation.token_samplers import categorical as categorical
    from textgan.generation.token_samplers import from_logits as from_logits
    from textgan.generation.token_samplers import greedy as greedy
    from textgan.generation.token_samplers import gumbel_softmax as gumbel_softmax
    from textgan.generation.token_samplers import tempered as tempered

__getattr__, __dir__, __all__ = lazy_exports(__name__)

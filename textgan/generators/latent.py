"""LaTextGAN's generator: noise becomes the code of a sentence, and the decoder of an autoencoder writes it down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from textgan.core.errors import UserError
from textgan.core.options import Count, NonNegativeFloat, PositiveInt, Probability
from textgan.core.roles import Generator, TokenSampler
from textgan.core.types import Batch, Loss, Samples, Space, Vocabulary
from textgan.generation import sampling
from textgan.generation.autoregressive import Autoregressive
from textgan.generation.token_samplers import categorical, greedy
from textgan.nn.embedding import embed
from textgan.nn.encoder import LstmEncoder
from textgan.nn.lm_head import LinearHead
from textgan.nn.logit_mask import logit_mask
from textgan.nn.lstm import LSTM
from textgan.nn.residual import ResidualMlp
from textgan.ops.device import describe

State = tuple[Tensor, Tensor, Tensor]
"""Hidden state and cell [R,H], and the code [R,Z], which is read again beside every word."""


class Latent(Generator):
    """An autoencoder of sentences, and a residual perceptron that maps noise to its codes.

    Two parts, trained one after the other (Donahue and Rumshisky 2018, arXiv:1810.06640). `generator.autoencoder`
    learns by likelihood to write a sentence down from its code [Z]. Then it stands still, and `generator.mapper` plays
    an ordinary GAN against a critic that tells the codes of real sentences from its own: nothing discrete is between
    the two, so gradients simply pass. A sentence is written greedily, and all chance is in the noise: temperature,
    top_k and top_p mean nothing here, and no prompt can be kept; either is refused. The likelihood of a sentence is an
    integral over all codes that nobody can take, so there is no nll_test.

    Two things keep the space between codes inhabited, without which a code that is a little off decodes to nonsense:
    all codes lie on a sphere, and while the autoencoder learns, noise is added to them (a denoising code).

    Args:
        embed_dim: size of a word's embedding, in encoder and decoder.
        hidden_dim: size of the encoder's and the decoder's state.
        code_dim: Z, size of a code and of the noise; 100 in the paper.
        sphere: whether codes, made ones too, are scaled to length sqrt(Z), so that a coordinate is about 1.
        noise: standard deviation of what is added to each coordinate of a code while the autoencoder learns.
        word_dropout: share of the words before that the decoder does not see while it learns, so that it must ask
            the code.
        mapper_dim: units of the mapper's layers; 100 in the paper.
        mapper_blocks: its residual blocks of two layers each; 40 in the paper.
    """

    sample_space: ClassVar[Mapping[str, Space]] = {"path": "latent"}
    capabilities: ClassVar[frozenset[str]] = frozenset({"noise", "codes"})

    def __init__(
        self,
        vocab: Vocabulary,
        embed_dim: PositiveInt = 64,
        hidden_dim: PositiveInt = 128,
        code_dim: PositiveInt = 32,
        sphere: bool = True,
        noise: NonNegativeFloat = 0.3,
        word_dropout: Probability = 0.3,
        mapper_dim: PositiveInt = 100,
        mapper_blocks: Count = 5,
    ) -> None:
        super().__init__()
        self.code_dim, self.sphere = code_dim, sphere
        self.autoencoder = Autoencoder(vocab, embed_dim, hidden_dim, code_dim, sphere, noise, word_dropout)
        self.mapper = nn.Sequential(ResidualMlp(code_dim, mapper_dim, mapper_blocks), nn.Linear(mapper_dim, code_dim))

    def likelihood(self, batch: Batch) -> Loss:
        """Nats per token of writing each sentence down from its own code: moves `generator.autoencoder`."""
        loss = self.autoencoder.likelihood(batch)
        return Loss(loss.value, {"reconstruction_loss": loss.value.detach()})

    def sample(self, batch: Batch, token_sampler: TokenSampler | None = None) -> Samples:
        """Codes that the mapper makes of fresh noise, [B,Z]; where they end is known once they are written down."""
        if token_sampler not in (None, categorical, greedy):
            raise UserError(
                'generator "latent" writes each sentence greedily and has its chance in the code: temperature, top_k '
                "and top_p mean nothing to it; leave them out"
            )
        if not describe(batch.given.device).is_async and bool(batch.given.any()):
            raise UserError('generator "latent" makes whole sentences and cannot keep words that are given')
        noise = torch.randn(len(batch), self.code_dim, device=batch.tokens.device)
        everywhere = torch.ones_like(batch.valid)
        sampling.count_tokens(everywhere)
        return Samples(scaled(self.mapper(noise), self.sphere), everywhere, everywhere)

    def real(self, batch: Batch) -> Samples:
        everywhere = torch.ones_like(batch.valid)
        return Samples(self.encode(batch), everywhere, everywhere)

    def decode(self, samples: Samples) -> Samples:
        blank = torch.zeros_like(samples.valid)
        return self.decode_codes(samples.x, Batch(blank.long(), samples.valid, blank))

    def encode(self, batch: Batch) -> Tensor:
        with torch.no_grad():
            return self.autoencoder.encode(batch)

    def decode_codes(self, codes: Tensor, batch: Batch, token_sampler: TokenSampler | None = None) -> Samples:
        """Greedily, unless a draw is asked for."""
        decoder = _From(self.autoencoder, scaled(codes, self.sphere), self.autoencoder.vocab)
        return sampling.sample(decoder, batch, token_sampler or greedy)


class Autoencoder(Autoregressive):
    """log p(y | code(y)): a token model of each sentence behind its own code. `sample` writes what it has read."""

    def __init__(
        self,
        vocab: Vocabulary,
        embed_dim: int,
        hidden_dim: int,
        code_dim: int,
        sphere: bool,
        noise: float,
        word_dropout: float,
    ) -> None:
        super().__init__()
        self.vocab, self.sphere, self.noise, self.word_dropout = vocab, sphere, noise, word_dropout
        self.encoder = LstmEncoder(vocab.size, embed_dim, hidden_dim)
        self.code = nn.Linear(hidden_dim, code_dim)
        self.open = nn.Linear(code_dim, 2 * hidden_dim)
        self.embedding = nn.Embedding(vocab.size, embed_dim)
        self.lstm = LSTM(embed_dim + code_dim, hidden_dim)
        self.output = nn.Linear(hidden_dim, vocab.size)
        nn.init.normal_(self.embedding.weight, std=0.1)
        self.logit_mask: Tensor
        self.register_buffer("logit_mask", logit_mask(vocab), persistent=False)

    def encode(self, batch: Batch) -> Tensor:
        """The code of each sentence, [B,Z]."""
        return scaled(self.code(self.encoder(batch.tokens, batch.valid)), self.sphere)

    def start(self, batch: Batch) -> State:
        """Behind the code of the batch's own text, disturbed while it learns."""
        codes = self.encode(batch)
        return self.behind(codes + self.noise * torch.randn_like(codes) if self.training else codes)

    def behind(self, codes: Tensor) -> State:
        """The state before the first word of the sentence that a code [R,Z] stands for."""
        hidden, cell = self.open(codes).chunk(2, 1)
        return hidden.tanh(), cell, codes

    def read(self, inputs: Tensor, state: sampling.State) -> tuple[Tensor, sampling.State]:
        hidden, cell, codes = state
        words = embed(inputs, self.embedding.weight)  # [R,S,E]
        if self.training:
            words = words * (torch.rand_like(words[..., :1]) >= self.word_dropout)
        beside = codes.unsqueeze(1).expand(-1, words.shape[1], -1)  # [R,S,Z]
        before = hidden.unsqueeze(0).contiguous(), cell.unsqueeze(0).contiguous()
        features, (hidden, cell) = self.lstm(torch.cat([words, beside], 2), before)
        return features, (hidden[0], cell[0], codes)

    @property
    def head(self) -> LinearHead:
        return LinearHead(self.output.weight, self.output.bias + self.logit_mask)


@dataclass
class _From:
    """The decoder as the sampler needs it, behind codes [B,Z] that come from elsewhere."""

    decoder: Autoencoder
    codes: Tensor
    vocab: Vocabulary

    def start(self, batch: Batch) -> sampling.State:
        return self.decoder.behind(self.codes)

    def read(self, inputs: Tensor, state: sampling.State) -> tuple[Tensor, sampling.State]:
        return self.decoder.read(inputs, state)

    @property
    def head(self) -> LinearHead:
        return self.decoder.head


def scaled(codes: Tensor, sphere: bool) -> Tensor:
    """Codes [R,Z], moved to the sphere of radius sqrt(Z) where they shall lie on it."""
    return nn.functional.normalize(codes, dim=1) * codes.shape[1] ** 0.5 if sphere else codes

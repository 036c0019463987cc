"""LaTextGAN's generator: maps noise to the code of a sentence, which an autoencoder's decoder turns into text."""

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
"""Hidden state and cell [R,H], and the code [R,Z], which the decoder reads together with each token."""


class Latent(Generator):
    """An autoencoder of sentences, and a residual multi-layer perceptron that maps noise to its codes.

    The two parts are trained one after the other (Donahue and Rumshisky 2018, arXiv:1810.06640). First,
    `generator.autoencoder` learns by likelihood to reconstruct a sentence from its code [Z]. Then it is frozen, and
    `generator.mapper` is trained as an ordinary GAN, against a critic that separates the codes of real sentences from
    the mapper's. No token is sampled between the two, so gradients need no estimator.

    Sentences are decoded greedily; only the noise is random. So temperature, top_k, top_p and prompts are refused with
    an error. The likelihood of a sentence is an intractable integral over all codes, so there is no nll_test.

    Two measures make codes that are slightly off decode to text: all codes lie on a sphere, and noise is added to them
    while the autoencoder is trained (a denoising code).

    Args:
        embed_dim: size of the token embeddings, in encoder and decoder.
        hidden_dim: size of the encoder's and the decoder's state.
        code_dim: Z, size of a code and of the noise; 100 in the paper.
        sphere: whether all codes, the mapper's included, are scaled to length sqrt(Z), so that a coordinate is about 1.
        noise: standard deviation of the noise that is added to each coordinate of a code while the autoencoder is
            trained.
        word_dropout: share of the decoder's input tokens that are replaced by zeros while it is trained, so that it
            needs the code.
        mapper_dim: units of the mapper's layers; 100 in the paper.
        mapper_blocks: the mapper's residual blocks, of two layers each; 40 in the paper.
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
        """Computes the reconstruction loss in nats per token; its gradient reaches `generator.autoencoder` only."""
        loss = self.autoencoder.likelihood(batch)
        return Loss(loss.value, {"reconstruction_loss": loss.value.detach()})

    def sample(self, batch: Batch, token_sampler: TokenSampler | None = None) -> Samples:
        """Maps noise to codes, [B,Z]. All positions count as valid: a code's length is known only after decoding.

        Args:
            batch: [B,T], the number of codes.
            token_sampler: None, or the default of a decoding that cannot change the result.

        Raises:
            UserError: if a token sampler with options is given, or a token of the batch is given.
        """
        if token_sampler not in (None, categorical, greedy):
            raise UserError(
                "generator=latent: temperature, top_k and top_p are not supported; expected none, because codes are "
                "decoded greedily; leave them out"
            )
        if not describe(batch.given.device).is_async and bool(batch.given.any()):
            raise UserError(
                "generator=latent: given tokens cannot be kept; expected no prompt, because a code is a whole "
                "sentence; use another generator"
            )
        noise = torch.randn(len(batch), self.code_dim, device=batch.tokens.device)
        all_valid = torch.ones_like(batch.valid)
        sampling.count_tokens(all_valid)
        return Samples(scaled(self.mapper(noise), self.sphere), all_valid, all_valid)

    def real(self, batch: Batch) -> Samples:
        all_valid = torch.ones_like(batch.valid)
        return Samples(self.encode(batch), all_valid, all_valid)

    def decode(self, samples: Samples) -> Samples:
        blank = torch.zeros_like(samples.valid)
        return self.decode_codes(samples.x, Batch(blank.long(), samples.valid, blank))

    def encode(self, batch: Batch) -> Tensor:
        with torch.no_grad():
            return self.autoencoder.encode(batch)

    def decode_codes(self, codes: Tensor, batch: Batch, token_sampler: TokenSampler | None = None) -> Samples:
        """Decodes codes [B,Z] to ids [B,T]; greedily by default.

        Args:
            codes: [B,Z]; scaled to the sphere first, if `sphere` is set.
            batch: [B,T], the maximum length and the given tokens.
            token_sampler: samples each token.
        """
        decoder = _Decoder(self.autoencoder, scaled(codes, self.sphere), self.autoencoder.vocab)
        return sampling.sample(decoder, batch, token_sampler or greedy)


class Autoencoder(Autoregressive):
    """Models a sentence conditioned on its own code, log p(y | code(y)); `sample` reconstructs the batch's text."""

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
        """Computes the code of each sentence, [B,Z]."""
        return scaled(self.code(self.encoder(batch.tokens, batch.valid)), self.sphere)

    def start(self, batch: Batch) -> State:
        """Encodes the batch's text, adds noise in training, and returns the decoder's initial state."""
        codes = self.encode(batch)
        return self.initial_state(codes + self.noise * torch.randn_like(codes) if self.training else codes)

    def initial_state(self, codes: Tensor) -> State:
        """Computes the decoder's state before the first token, for codes [R,Z]."""
        hidden, cell = self.open(codes).chunk(2, 1)
        return hidden.tanh(), cell, codes

    def read(self, inputs: Tensor, state: sampling.State) -> tuple[Tensor, sampling.State]:
        hidden, cell, codes = state
        embedded = embed(inputs, self.embedding.weight)  # [R,S,E]
        if self.training:
            embedded = embedded * (torch.rand_like(embedded[..., :1]) >= self.word_dropout)
        repeated = codes.unsqueeze(1).expand(-1, embedded.shape[1], -1)  # [R,S,Z]
        previous = hidden.unsqueeze(0).contiguous(), cell.unsqueeze(0).contiguous()
        features, (hidden, cell) = self.lstm(torch.cat([embedded, repeated], 2), previous)
        return features, (hidden[0], cell[0], codes)

    @property
    def head(self) -> LinearHead:
        return LinearHead(self.output.weight, self.output.bias + self.logit_mask)


@dataclass
class _Decoder:
    """Adapts an autoencoder to the sampler's protocol, conditioned on codes [B,Z] instead of on the batch's text."""

    autoencoder: Autoencoder
    codes: Tensor
    vocab: Vocabulary

    def start(self, batch: Batch) -> sampling.State:
        return self.autoencoder.initial_state(self.codes)

    def read(self, inputs: Tensor, state: sampling.State) -> tuple[Tensor, sampling.State]:
        return self.autoencoder.read(inputs, state)

    @property
    def head(self) -> LinearHead:
        return self.autoencoder.head


def scaled(codes: Tensor, sphere: bool) -> Tensor:
    """Scales codes [R,Z] to the sphere of radius sqrt(Z) if `sphere` is true; returns them unchanged otherwise."""
    return nn.functional.normalize(codes, dim=1) * codes.shape[1] ** 0.5 if sphere else codes

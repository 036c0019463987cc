"""The sentence VAE: an encoder to latent codes, and a language model conditioned on the code."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from textgan.core.options import Fraction, NonNegativeFloat, PositiveInt
from textgan.core.roles import Generator, TokenSampler
from textgan.core.types import Batch, Loss, Samples, Space, Vocabulary
from textgan.generation import sampling
from textgan.generation.autoregressive import token_log_prob
from textgan.generation.token_samplers import categorical
from textgan.nn import normal
from textgan.nn.embedding import embed
from textgan.nn.encoder import LstmEncoder
from textgan.nn.lm_head import LinearHead
from textgan.nn.logit_mask import logit_mask
from textgan.nn.lstm import LSTM

State = tuple[Tensor, Tensor, Tensor]


class Vae(Generator):
    """A variational autoencoder of sentences: an LSTM encoder, and an LSTM decoder conditioned on the code.

    Bowman et al. 2015 (arXiv:1511.06349). The encoder maps a sentence to a normal distribution of codes. Training
    maximises the evidence lower bound log p(x) >= E_q(z|x) [log p(x|z)] - KL(q(z|x) || N(0, 1)); generation decodes
    codes of the prior. The code sets the decoder's initial state and is read with every token (in the paper, it only
    sets the state).

    Only a lower bound of the likelihood is known. So `nll_test` is called `nll_test_bound`, and estimators that need
    log pi itself are refused. There are no roll-outs: they would need the posterior of the code given a prefix, which
    is not known, and codes of the prior would complete another sentence.

    Args:
        embed_dim: size of the token embeddings.
        hidden_dim: size of the states of both LSTMs.
        latent_dim: Z, size of the code.
        kl_weight: weight of the KL in the training loss; 1 is the bound itself. Anneal it from 0 to 1, as the paper
            does: with weight 1 from the start, the decoder learns to ignore the code.
        word_dropout: share of the decoder's input tokens that are replaced by a learned blank while training, so that
            it needs the code; 1 replaces them all.
        free_bits: nats of KL per coordinate of the code that are not penalised, on average over a batch (Kingma et al.
            2016, arXiv:1606.04934); 0 in the paper.
        samples: codes that `log_prob` samples for each sentence. More codes make the bound tighter (Burda et al. 2015,
            arXiv:1509.00519) and cost proportionally more time. Training always samples one.
    """

    sample_space: ClassVar[Mapping[str, Space]] = {"path": "simplex"}
    capabilities: ClassVar[frozenset[str]] = frozenset({"log_prob", "relaxed", "incremental", "codes", "posterior"})
    bound: ClassVar[bool] = True
    annealable: ClassVar[frozenset[str]] = frozenset({"kl_weight"})

    def __init__(
        self,
        vocab: Vocabulary,
        embed_dim: PositiveInt = 64,
        hidden_dim: PositiveInt = 128,
        latent_dim: PositiveInt = 16,
        kl_weight: NonNegativeFloat = 1.0,
        word_dropout: Fraction = 0.0,
        free_bits: NonNegativeFloat = 0.0,
        samples: PositiveInt = 1,
    ) -> None:
        super().__init__()
        self.vocab = vocab
        self.code_dim = latent_dim
        self.kl_weight, self.word_dropout, self.free_bits, self.samples = kl_weight, word_dropout, free_bits, samples
        self.encoder = LstmEncoder(vocab.size, embed_dim, hidden_dim)
        self.to_posterior = nn.Linear(hidden_dim, 2 * latent_dim)
        self.to_state = nn.Linear(latent_dim, 2 * hidden_dim)
        self.embedding = nn.Embedding(vocab.size, embed_dim)
        self.blank = nn.Parameter(torch.zeros(embed_dim))
        self.lstm = LSTM(embed_dim + latent_dim, hidden_dim)
        self.output = nn.Linear(hidden_dim, vocab.size)
        nn.init.normal_(self.encoder.embedding.weight)
        self.logit_mask: Tensor
        self.register_buffer("logit_mask", logit_mask(vocab), persistent=False)

    def posterior(self, batch: Batch) -> tuple[Tensor, Tensor]:
        mean, log_variance = self.to_posterior(self.encoder(batch.tokens, batch.valid)).chunk(2, 1)
        return mean, log_variance

    def encode(self, batch: Batch) -> Tensor:
        return self.posterior(batch)[0]

    def decode_codes(self, codes: Tensor, batch: Batch, token_sampler: TokenSampler | None = None) -> Samples:
        return sampling.sample(self, batch, token_sampler or categorical, self.state(codes))

    def sample(self, batch: Batch, token_sampler: TokenSampler | None = None) -> Samples:
        return sampling.sample(self, batch, token_sampler or categorical)

    def decode(self, samples: Samples) -> Samples:
        return samples.with_x(sampling.to_ids(samples.x, 2))

    def start(self, batch: Batch) -> State:
        """Samples a code of the prior for each row and returns the decoder's initial state."""
        return self.state(torch.randn(len(batch), self.code_dim, device=batch.tokens.device))

    def state(self, codes: Tensor) -> State:
        """Computes the decoder's initial state for codes [R,Z]."""
        hidden, cell = self.to_state(codes).chunk(2, 1)  # [R,H]
        return hidden.tanh(), cell, codes

    def read(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        return self._advance(embed(inputs, self.embedding.weight), state)

    def _advance(self, embedded: Tensor, state: State) -> tuple[Tensor, State]:
        """Advances the decoder by S embedded tokens, [R,S,E] -> [R,S,H]."""
        hidden, cell, codes = state
        repeated = codes.unsqueeze(1).expand(-1, embedded.shape[1], -1)  # [R,S,Z]
        features, (hidden, cell) = self.lstm(
            torch.cat([embedded, repeated], 2), (hidden.unsqueeze(0), cell.unsqueeze(0))
        )
        return features, (hidden[0], cell[0], codes)

    @property
    def head(self) -> LinearHead:
        return LinearHead(self.output.weight, self.output.bias + self.logit_mask)

    def likelihood(self, batch: Batch) -> Loss:
        """Computes minus the bound in nats per token that is not given, its KL weighted and, by `free_bits`, clamped.

        Stats: `nll_train`, the reconstruction loss in nats per token; `kl_train` and `elbo_train`, in nats per
        sentence. `elbo_train` is the bound itself, independent of `kl_weight` and `free_bits`.
        """
        mean, log_variance = self.posterior(batch)
        tokens = self._tokens(batch, normal.sample(mean, log_variance))  # [B,T]
        reconstruction = (tokens * ~batch.given).sum(1)  # [B]
        kl = normal.divergence(mean, log_variance)  # [B,Z]
        penalised = kl.mean(0).clamp_min(self.free_bits).sum()
        count = (batch.valid & ~batch.given).sum().clamp_min(1)
        value = (self.kl_weight * penalised * len(batch) - reconstruction.sum()) / count
        stats = {
            "nll_train": -reconstruction.sum() / count,
            "kl_train": kl.sum(1).mean(),
            "elbo_train": (reconstruction - kl.sum(1)).mean(),
        }
        return Loss(value, {name: stat.detach() for name, stat in stats.items()})

    def log_prob(self, samples: Samples) -> Tensor:
        """Estimates a lower bound of log pi from sampled codes, [B,T]; the sum over chosen tokens is the bound.

        On average over the sampled codes, the sum is at most log pi. Each token contributes log p(token | tokens
        before, code), and the KL is spread evenly over the chosen tokens. With K > 1 codes, the sum is
        log mean_k p(x|z_k) p(z_k) / q(z_k|x), and the contributions of a token are weighted by these ratios.

        Args:
            samples: [B,T], ids.
        """
        batch = Batch(samples.x, samples.valid, samples.valid & ~samples.chosen)
        tokens, remainder = self._elbo(batch) if self.samples == 1 else self._weighted(batch)
        return tokens + (remainder / samples.chosen.sum(1).clamp_min(1)).unsqueeze(1) * samples.chosen

    def _elbo(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Computes log p of each token given one sampled code, [B,T], and the bound minus the sum of these, [B]."""
        mean, log_variance = self.posterior(batch)
        tokens = self._tokens(batch, normal.sample(mean, log_variance))
        return tokens, -normal.divergence(mean, log_variance).sum(1)

    def _weighted(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Computes the same for the importance-weighted bound; log p of a token is averaged with the codes' weights."""
        repeated = Batch(*(part.repeat(self.samples, 1) for part in (batch.tokens, batch.valid, batch.given)))
        mean, log_variance = (part.repeat(self.samples, 1) for part in self.posterior(batch))  # [K*B,Z]
        codes, zeros = normal.sample(mean, log_variance), torch.zeros_like(mean)
        tokens = self._tokens(repeated, codes).view(self.samples, *batch.valid.shape)  # [K,B,T]
        prior = normal.log_density(codes, zeros, zeros)  # [K*B]
        posterior = normal.log_density(codes, mean, log_variance)
        ratio = (tokens * ~batch.given).sum(2) + (prior - posterior).view(self.samples, -1)  # [K,B]
        weighted = (ratio.softmax(0).unsqueeze(2) * tokens).sum(0)  # [B,T]
        return weighted, ratio.logsumexp(0) - math.log(self.samples) - (weighted * ~batch.given).sum(1)

    def _tokens(self, batch: Batch, codes: Tensor) -> Tensor:
        """Computes log p(token | tokens before, code), [B,T], 0 where not valid. Applies `word_dropout` in training."""
        start = torch.full_like(batch.tokens[:, :1], self.vocab.bos)
        inputs = torch.cat([start, batch.tokens[:, :-1]], 1)
        embedded = embed(inputs, self.embedding.weight)  # [B,T,E]
        if self.training and self.word_dropout:
            dropped = torch.rand(inputs.shape, device=inputs.device) < self.word_dropout
            dropped[:, 0] = False
            embedded = torch.where(dropped.unsqueeze(2), self.blank, embedded)
        features, _ = self._advance(embedded, self.state(codes))
        return token_log_prob(self.head, features, batch)

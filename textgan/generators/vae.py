"""The sentence VAE: a code for the whole sentence, and a language model that is told the code."""

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
    """An LSTM that reads a sentence into a normal distribution of codes, and one that writes a sentence from a code.

    Bowman et al. 2015 (arXiv:1511.06349). Trained by the evidence lower bound
    log p(x) >= E_q(z|x) [log p(x|z)] - KL(q(z|x) || N(0, 1)); it writes from codes of the prior. The code starts the
    decoder's state and is read with every word (in the paper, the state alone).

    Its likelihood is known from below only, so `nll_test` is called `nll_test_bound`, and no estimator that needs
    log pi itself may train it. It offers no roll-outs: the code behind a prefix would have to be drawn from its
    posterior given the prefix, which is not known; codes of the prior would complete another sentence.

    Args:
        embed_dim: size of a word's embedding.
        hidden_dim: size of both LSTMs' states.
        latent_dim: Z, size of the code.
        kl_weight: what the KL counts in training; 1 is the bound itself. Anneal it from 0 to 1, as the paper does:
            from the start at 1, the decoder learns to do without the code.
        word_dropout: share of the decoder's input words that a blank takes the place of while training, so that it
            needs the code; 1 leaves it nothing else to read.
        free_bits: nats of KL that each number of the code has for free, on average over a batch (Kingma et al. 2016,
            arXiv:1606.04934); none in the paper.
        samples: codes that `log_prob` draws for each sentence; more make the bound tighter (Burda et al. 2015,
            arXiv:1509.00519) and as many times slower. Training always draws one.
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
        """The state behind a code of the prior, for each row."""
        return self.state(torch.randn(len(batch), self.code_dim, device=batch.tokens.device))

    def state(self, codes: Tensor) -> State:
        """The state before anything is read, behind codes [R,Z]."""
        hidden, cell = self.to_state(codes).chunk(2, 1)  # [R,H]
        return hidden.tanh(), cell, codes

    def read(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        return self._advance(embed(inputs, self.embedding.weight), state)

    def _advance(self, embedded: Tensor, state: State) -> tuple[Tensor, State]:
        """embedded: [R,S,E] -> [R,S,H]."""
        hidden, cell, codes = state
        told = codes.unsqueeze(1).expand(-1, embedded.shape[1], -1)  # [R,S,Z]
        features, (hidden, cell) = self.lstm(torch.cat([embedded, told], 2), (hidden.unsqueeze(0), cell.unsqueeze(0)))
        return features, (hidden[0], cell[0], codes)

    @property
    def head(self) -> LinearHead:
        return LinearHead(self.output.weight, self.output.bias + self.logit_mask)

    def likelihood(self, batch: Batch) -> Loss:
        """Minus the bound in nats per token that is not given, its KL weighted and, with `free_bits`, bounded.

        Stats: `nll_train`, what reconstruction costs, nats per token; `kl_train` and `elbo_train`, nats per sentence,
        the latter the bound itself, whatever the weight.
        """
        mean, log_variance = self.posterior(batch)
        tokens = self._tokens(batch, normal.sample(mean, log_variance))  # [B,T]
        reconstruction = (tokens * ~batch.given).sum(1)  # [B]
        kl = normal.divergence(mean, log_variance)  # [B,Z]
        charged = kl.mean(0).clamp_min(self.free_bits).sum()
        count = (batch.valid & ~batch.given).sum().clamp_min(1)
        value = (self.kl_weight * charged * len(batch) - reconstruction.sum()) / count
        stats = {
            "nll_train": -reconstruction.sum() / count,
            "kl_train": kl.sum(1).mean(),
            "elbo_train": (reconstruction - kl.sum(1)).mean(),
        }
        return Loss(value, {name: stat.detach() for name, stat in stats.items()})

    def log_prob(self, samples: Samples) -> Tensor:
        """[B,T]; its sum over what was chosen is, on average over the codes drawn, at most log pi.

        A token's own share is its log p(token | tokens before, code); what the code costs is spread evenly over all
        that were chosen. With K > 1 codes drawn, the sum is log mean_k p(x|z_k) p(z_k) / q(z_k|x), and a token's own
        share is weighted by these ratios.
        """
        batch = Batch(samples.x, samples.valid, samples.valid & ~samples.chosen)
        tokens, rest = self._elbo(batch) if self.samples == 1 else self._weighted(batch)
        return tokens + (rest / samples.chosen.sum(1).clamp_min(1)).unsqueeze(1) * samples.chosen

    def _elbo(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """log p of each token behind one code, [B,T], and what the bound is less than the sum of these by, [B]."""
        mean, log_variance = self.posterior(batch)
        tokens = self._tokens(batch, normal.sample(mean, log_variance))
        return tokens, -normal.divergence(mean, log_variance).sum(1)

    def _weighted(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The same of the importance-weighted bound; the tokens' shares are weighted as the codes are."""
        several = Batch(*(part.repeat(self.samples, 1) for part in (batch.tokens, batch.valid, batch.given)))
        mean, log_variance = (part.repeat(self.samples, 1) for part in self.posterior(batch))  # [K*B,Z]
        codes, zeros = normal.sample(mean, log_variance), torch.zeros_like(mean)
        tokens = self._tokens(several, codes).view(self.samples, *batch.valid.shape)  # [K,B,T]
        prior, own = normal.log_density(codes, zeros, zeros), normal.log_density(codes, mean, log_variance)  # [K*B]
        ratio = (tokens * ~batch.given).sum(2) + (prior - own).view(self.samples, -1)  # [K,B]
        shares = (ratio.softmax(0).unsqueeze(2) * tokens).sum(0)  # [B,T]
        return shares, ratio.logsumexp(0) - math.log(self.samples) - (shares * ~batch.given).sum(1)

    def _tokens(self, batch: Batch, codes: Tensor) -> Tensor:
        """log p(token | tokens before, code), [B,T], 0 where not valid. In training, some words before are blanks."""
        start = torch.full_like(batch.tokens[:, :1], self.vocab.bos)
        inputs = torch.cat([start, batch.tokens[:, :-1]], 1)
        embedded = embed(inputs, self.embedding.weight)  # [B,T,E]
        if self.training and self.word_dropout:
            lost = torch.rand(inputs.shape, device=inputs.device) < self.word_dropout
            lost[:, 0] = False
            embedded = torch.where(lost.unsqueeze(2), self.blank, embedded)
        features, _ = self._advance(embedded, self.state(codes))
        return token_log_prob(self.head, features, batch)

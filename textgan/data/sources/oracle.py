"""The synthetic experiment of SeqGAN (Yu et al. 2017, arXiv:1609.05473): text of a known LSTM."""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor

from textgan.data.readers import count
from textgan.data.tokenizers.base import Tokenizer
from textgan.data.tokenizers.builtin import numbers
from textgan.data.sources.tokens import read_ids
from textgan.data.sources.oracle_weights import LstmWeights
from textgan.ops.device import describe
from textgan.ops.categorical import inverse_cdf
from textgan.core.errors import UserError
from textgan.core.options import Count, PositiveInt
from textgan.data.interfaces import Oracle, Raw, Source
from textgan.core.seeding import derive, stream

START = 0
"""The id that the oracle reads first; also an ordinary word."""
ENTROPY_SAMPLES = 10_000


class OracleLstm(Source):
    """Sequences of a fixed length that a randomly drawn LSTM writes, which can score generated text exactly.

    Differs from the authors' only in its seeds: they drew one oracle and released it; give its file as
    `weights` to compare with published numbers.

    Args:
        weights: a file with the oracle's weights, .npz or SeqGAN's target_params.pkl; None draws them, each
            N(0,1).
        oracle_seed: decides the weights where they are drawn; the run's seed decides the sequences.
        size: number of words where weights are drawn.
        hidden_dim: size of the embeddings and of the state where weights are drawn.
        length: tokens in a sequence.
        sequences: how many to draw for training.
        validation: how many to draw for validation.
        test: how many to draw for testing.
        path: ready training sequences, one a line, instead of drawn ones.
    """

    capabilities = frozenset({"oracle"})
    output_type = "ids"

    def __init__(
        self,
        weights: str | None = None,
        oracle_seed: Count = 88,
        size: PositiveInt = 5000,
        hidden_dim: PositiveInt = 32,
        length: PositiveInt = 20,
        sequences: PositiveInt = 10000,
        validation: Count = 1000,
        test: Count = 5000,
        path: str | None = None,
    ) -> None:
        self.weights, self.oracle_seed, self.size, self.hidden_dim = weights, oracle_seed, size, hidden_dim
        self.length, self.path = length, path
        self.counts = {"train": sequences, "validation": validation, "test": test}

    @cached_property
    def lstm(self) -> LstmWeights:
        if self.weights is not None:
            return LstmWeights.load(self.weights)
        return LstmWeights.random(self.size, self.hidden_dim, self.oracle_seed)

    def read(self, seed: int) -> Raw:
        notes: dict[str, int] = {}
        ready = None if self.path is None else self._ready(self.path, notes)
        train = self._sample("train", seed) if ready is None else ready
        tokenizer = numbers(self.lstm.size, bos=START)
        return Raw(train, self._sample("validation", seed), self._sample("test", seed), tokenizer, notes)

    def _sample(self, split: str, seed: int) -> list[str]:
        rows = sample(self.lstm, self.counts[split], self.length, derive(seed, split)).tolist()
        return [" ".join(map(str, row)) for row in rows]

    def oracle(self, tokenizer: Tokenizer) -> LstmOracle:
        return LstmOracle(self.lstm, self.length)

    def _ready(self, path: str, notes: dict[str, int]) -> list[str]:
        rows = read_ids(path, None, self.lstm.size, notes)
        wrong = next((n for n, row in enumerate(rows, 1) if len(row) != self.length), None)
        if wrong is not None:
            raise UserError(
                f"{path}, sequence {wrong} has {len(rows[wrong - 1])} tokens, but the oracle writes "
                f"length={self.length}"
            )
        count(notes, "training sequences read from a file", len(rows))
        return [" ".join(map(str, row)) for row in rows]


class LstmOracle(Oracle):
    """An LSTM with known weights.

    Args:
        lstm: its weights.
        length: tokens in a sequence, for the entropy.
    """

    def __init__(self, lstm: LstmWeights, length: int) -> None:
        self.lstm, self.length = lstm, length

    @property
    def entropy(self) -> float:  # type: ignore[override]
        """Nats per token of its own text: an estimate, the mean NLL of 10,000 sequences of its own."""
        return self._own_nll[0]

    @property
    def entropy_error(self) -> float:
        """The standard error of `entropy`."""
        return self._own_nll[1]

    @cached_property
    def _own_nll(self) -> tuple[float, float]:
        own = sample(self.lstm, ENTROPY_SAMPLES, self.length, seed=self.length)
        nll = -self.log_prob(own, torch.ones_like(own, dtype=torch.bool)).double() / self.length  # [N]
        return float(nll.mean()), float(nll.std() / len(nll) ** 0.5)

    @torch.no_grad()
    def log_prob(self, tokens: Tensor, valid: Tensor) -> Tensor:
        lstm = self.lstm.to(tokens.device)
        total = torch.zeros(len(tokens), device=tokens.device)
        previous = torch.full_like(tokens[:, 0], START)
        hidden = cell = lstm.recurrent.new_zeros(len(tokens), lstm.recurrent.shape[0])  # [B,H]
        for t in range(tokens.shape[1]):
            hidden, cell = _step(lstm, previous, hidden, cell)
            previous = tokens[:, t]
            logp = torch.cat(
                [_word_log_prob(lstm, hidden[rows], previous[rows]) for rows in _pieces(lstm, len(tokens))]
            )  # [B]
            total += torch.where(valid[:, t], logp, 0.0)
        return total


@torch.no_grad()
def sample(lstm: LstmWeights, rows: int, length: int, seed: int) -> Tensor:
    """Sequences [rows, length] by ancestral sampling, on the CPU; torch's random state stays as it was."""
    with stream(seed, "oracle"):
        tokens = torch.full((rows, length), START)
        previous = tokens.new_full((rows,), START)
        hidden = cell = lstm.recurrent.new_zeros(rows, lstm.recurrent.shape[0])  # [B,H]
        for t in range(length if rows else 0):
            hidden, cell = _step(lstm, previous, hidden, cell)
            pieces = (hidden[some] for some in _pieces(lstm, rows))
            logits = (torch.addmm(lstm.output_bias, piece, lstm.output) for piece in pieces)
            previous = tokens[:, t] = torch.cat([inverse_cdf(piece) for piece in logits])
        return tokens


def _step(lstm: LstmWeights, token: Tensor, hidden: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
    """Reads one token: c' = f c + i g, h' = o tanh(c'). token: [B]; hidden, cell: [B,H]."""
    gates = torch.addmm(lstm.inputs[token], hidden, lstm.recurrent)  # [B,4H]
    take, forget, show, new = gates.chunk(4, dim=1)
    cell = forget.sigmoid() * cell + take.sigmoid() * new.tanh()
    return show.sigmoid() * cell.tanh(), cell


def _word_log_prob(lstm: LstmWeights, hidden: Tensor, token: Tensor) -> Tensor:
    """log p of one token a row: [B,H], [B] -> [B]."""
    logits = torch.addmm(lstm.output_bias, hidden, lstm.output)  # [B,V]
    return logits.gather(1, token.unsqueeze(1)).squeeze(1) - logits.logsumexp(1)


def _pieces(lstm: LstmWeights, rows: int) -> list[slice]:
    """The rows, in pieces whose logits are held at once."""
    most = max(1, describe(lstm.output.device).max_logits // lstm.size)
    return [slice(start, start + most) for start in range(0, max(rows, 1), most)]

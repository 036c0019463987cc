"""Generates the synthetic data of SeqGAN (Yu et al. 2017, arXiv:1609.05473): sequences of a known LSTM."""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor

from textgan.core.errors import UserError
from textgan.core.options import Count, PositiveInt
from textgan.core.seeding import derive, stream
from textgan.data.interfaces import Oracle, Raw, Source
from textgan.data.readers import Origin, count
from textgan.data.sources.oracle_weights import LstmWeights
from textgan.data.sources.tokens import read_ids
from textgan.data.tokenizers.base import Tokenizer
from textgan.data.tokenizers.builtin import numbers
from textgan.ops.categorical import inverse_cdf
from textgan.ops.device import describe

START = 0
"""The id that the oracle reads first; it is also an ordinary token."""
ENTROPY_SAMPLES = 10_000
"""Sequences from which the oracle's entropy is estimated."""


class OracleLstm(Source):
    """Samples sequences of a fixed length from an LSTM with random weights, which scores generated text exactly.

    Differs from the authors' only in its seeds. They sampled one oracle and released it: give its file as `weights` to
    compare with published numbers.

    Args:
        weights: a file with the oracle's weights, .npz or SeqGAN's target_params.pkl; None samples each weight from
            N(0,1).
        oracle_seed: determines random weights; the run's seed determines the sequences.
        size: number of ids of an oracle with random weights.
        hidden_dim: size of the embeddings and of the state of an oracle with random weights.
        length: tokens in a sequence.
        sequences: number of sequences to sample for training.
        validation: number of sequences to sample for validation.
        test: number of sequences to sample for testing.
        path: a file of training sequences, one a line, to use instead of sampled ones.
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
        """The weights of the oracle. Raises UserError if their file cannot be used."""
        if self.weights is not None:
            return LstmWeights.load(self.weights, "data.weights")
        return LstmWeights.random(self.size, self.hidden_dim, self.oracle_seed)

    def read(self, seed: int) -> Raw:
        """Returns the sequences of all splits. Raises UserError if a file cannot be used."""
        notes: dict[str, int] = {}
        train = self._sample("train", seed) if self.path is None else self._from_file(self.path, notes)
        tokenizer = numbers(self.lstm.size, bos=START)
        return Raw(train, self._sample("validation", seed), self._sample("test", seed), tokenizer, notes)

    def _sample(self, split: str, seed: int) -> list[str]:
        rows = sample(self.lstm, self.counts[split], self.length, derive(seed, split)).tolist()
        return [" ".join(map(str, row)) for row in rows]

    def oracle(self, tokenizer: Tokenizer) -> LstmOracle:
        """Returns the LSTM, which scores sequences of its own ids."""
        return LstmOracle(self.lstm, self.length)

    def _from_file(self, path: str, notes: dict[str, int]) -> list[str]:
        origin = Origin("data.path", path)
        rows = read_ids(origin, None, self.lstm.size, notes)
        wrong = next((n for n, row in enumerate(rows, 1) if len(row) != self.length), None)
        if wrong is not None:
            raise UserError(
                f"{origin}: sequence {wrong} has {len(rows[wrong - 1])} tokens; expected data.length={self.length}, as "
                "the oracle generates"
            )
        count(notes, "training sequences read from a file", len(rows))
        return [" ".join(map(str, row)) for row in rows]


class LstmOracle(Oracle):
    """Scores sequences under an LSTM with known weights.

    Args:
        lstm: its weights.
        length: tokens in a sequence, for the entropy.
    """

    def __init__(self, lstm: LstmWeights, length: int) -> None:
        self.lstm, self.length = lstm, length

    @property
    def entropy(self) -> float:  # type: ignore[override]
        """Nats per token of its own text, estimated as the mean NLL of 10,000 sequences sampled from it."""
        return self._sample_nll[0]

    @property
    def entropy_error(self) -> float:
        """The standard error of `entropy`."""
        return self._sample_nll[1]

    @cached_property
    def _sample_nll(self) -> tuple[float, float]:
        tokens = sample(self.lstm, ENTROPY_SAMPLES, self.length, seed=self.length)
        nll = -self.log_prob(tokens, torch.ones_like(tokens, dtype=torch.bool)).double() / self.length  # [N]
        return float(nll.mean()), float(nll.std() / len(nll) ** 0.5)

    @torch.no_grad()
    def log_prob(self, tokens: Tensor, valid: Tensor) -> Tensor:
        """Computes log p of the valid tokens of each row of [B,T], [B]."""
        lstm = self.lstm.to(tokens.device)
        total = torch.zeros(len(tokens), device=tokens.device)
        previous = torch.full_like(tokens[:, 0], START)
        hidden = cell = lstm.recurrent.new_zeros(len(tokens), lstm.recurrent.shape[0])  # [B,H]
        for t in range(tokens.shape[1]):
            hidden, cell = _step(lstm, previous, hidden, cell)
            previous = tokens[:, t]
            logp = torch.cat(
                [_token_log_prob(lstm, hidden[rows], previous[rows]) for rows in _chunks(lstm, len(tokens))]
            )  # [B]
            total += torch.where(valid[:, t], logp, 0.0)
        return total


@torch.no_grad()
def sample(lstm: LstmWeights, rows: int, length: int, seed: int) -> Tensor:
    """Generates sequences [rows, length] by ancestral sampling on the CPU; leaves torch's random state unchanged."""
    with stream(seed, "oracle"):
        tokens = torch.full((rows, length), START)
        previous = tokens.new_full((rows,), START)
        hidden = cell = lstm.recurrent.new_zeros(rows, lstm.recurrent.shape[0])  # [B,H]
        for t in range(length if rows else 0):
            hidden, cell = _step(lstm, previous, hidden, cell)
            chunks = (hidden[some] for some in _chunks(lstm, rows))
            logits = (torch.addmm(lstm.output_bias, chunk, lstm.output) for chunk in chunks)  # [B,V] each
            previous = tokens[:, t] = torch.cat([inverse_cdf(chunk) for chunk in logits])
        return tokens


def _step(lstm: LstmWeights, token: Tensor, hidden: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
    """Reads one token: c' = f c + i g, h' = o tanh(c'). token: [B]; hidden, cell: [B,H]."""
    gates = torch.addmm(lstm.inputs[token], hidden, lstm.recurrent)  # [B,4H]
    input_gate, forget_gate, output_gate, candidate = gates.chunk(4, dim=1)
    cell = forget_gate.sigmoid() * cell + input_gate.sigmoid() * candidate.tanh()
    return output_gate.sigmoid() * cell.tanh(), cell


def _token_log_prob(lstm: LstmWeights, hidden: Tensor, token: Tensor) -> Tensor:
    """Computes log p of one token per row: [B,H], [B] -> [B]."""
    logits = torch.addmm(lstm.output_bias, hidden, lstm.output)  # [B,V]
    return logits.gather(1, token.unsqueeze(1)).squeeze(1) - logits.logsumexp(1)


def _chunks(lstm: LstmWeights, rows: int) -> list[slice]:
    """Returns slices of the rows, such that the logits of each fit the device's limit."""
    most = max(1, describe(lstm.output.device).max_logits // lstm.size)
    return [slice(start, start + most) for start in range(0, max(rows, 1), most)]

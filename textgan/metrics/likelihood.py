"""Likelihoods in nats per token: of held-out text, under a known distribution, and of the generator's own samples.

A token counts if it is valid and not given: padding never counts, the end-of-sequence id does. Sums are over
all tokens of all sentences, in float64, before they are divided: a long sentence weighs more than a short
one.

Two known errors are avoided here: averaging over padding, which a model learns to predict at no cost, and
calling the likelihood of *training* text "NLL test".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, Literal

import torch
from torch import Tensor

from textgan.core.errors import UserError
from textgan.core.options import PositiveInt
from textgan.core.roles import Generator
from textgan.core.types import Samples
from textgan.metrics.base import Evaluation, Metric, nonempty_split
from textgan.ops.device import describe

LOGITS = 16_000_000
"""Upper limit of the floats of logits that a chunk of sentences may need, on any device."""


class NllTest(Metric):
    """Computes the negative log-likelihood of the test split, never of train, in nats per token.

    - `nll_test`: 0 to inf, lower is better.
    - `nll_test_skipped`: share of the test split's tokens that the vocabulary forbids to generate, such as the
      unknown token where it is forbidden. Their likelihood is zero by definition, so they are left out of
      `nll_test`: a smaller vocabulary skips more and looks better for it.

    It punishes missing modes (a sentence that the generator cannot produce costs much), not bad samples: the
    complement of BLEU and `nll_oracle`. Per token of the corpus's own tokenizer, so runs compare only where
    the vocabularies agree. inf where the generator gives a test token a probability of 0.

    A generator that can compute only a bound of its likelihood, such as a VAE, has `nll_test_bound` instead: its
    `nll_test` is at most that.

    Args:
        limit: use only that many sentences, the first of the split; all of them by default.
    """

    requires: ClassVar[frozenset[str]] = frozenset({"log_prob"})

    def __init__(self, *, limit: PositiveInt | None = None) -> None:
        self.limit = limit
        self._sentences = "all" if limit is None else f"up to {limit}"
        self._bound = ""

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float]:
        return self._measure(evaluation, "test")

    def better(self) -> Mapping[str, Literal["higher", "lower"]]:
        return {f"nll_test{self._bound}": "lower"}

    def signature(self) -> str:
        kind = "|upper-bound" if self._bound else ""
        return f"nll|split:test|sentences:{self._sentences}|nats-per-token|eos:counted|pad,forbidden:skipped{kind}"

    def _measure(self, evaluation: Evaluation, split: Literal["validation", "test"]) -> Mapping[str, float]:
        generator, vocab = evaluation.generator, evaluation.corpus.vocab
        batch = nonempty_split(evaluation.corpus, split, f"nll_{split}").batch[: self.limit]
        self._sentences, self._bound = str(len(batch)), "_bound" if generator.bound else ""
        device = _device(generator)
        chosen = batch.valid & ~batch.given  # [N,T]
        forbidden = torch.isin(batch.tokens, torch.tensor(vocab.forbidden_ids, dtype=torch.long))  # [N,T]
        pieces = (
            (generator.real(batch[piece].to(device)), (chosen & ~forbidden)[piece].to(device))
            for piece in _pieces(len(batch), _rows(batch.tokens, vocab.size, device))
        )
        return {
            f"nll_{split}{self._bound}": _nats(generator, pieces, f"nll_{split}"),
            f"nll_{split}_skipped": float(forbidden[batch.valid].double().mean()),
        }


class NllValidation(NllTest):
    """Computes the same as `nll_test` on the validation split: `nll_validation`, for model selection.

    The test split is for reporting only. `checkpoint: {best: nll_validation}` keeps the model of the evaluation where
    it was lowest.

    Args:
        limit: use only that many sentences, the first of the split; all of them by default.
    """

    default: ClassVar[bool] = False

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float]:
        return self._measure(evaluation, "validation")

    def better(self) -> Mapping[str, Literal["higher", "lower"]]:
        return {f"nll_validation{self._bound}": "lower"}

    def signature(self) -> str:
        return super().signature().replace("split:test", "split:validation")


class Entropy(Metric):
    """Estimates the generator's entropy in nats per token: `entropy`, 0 to log(vocabulary size).

    Neither direction is better. The estimate is -log pi of the generator's own samples, which assumes ancestral
    sampling; with a temperature, top-k or top-p it is the cross-entropy of the changed distribution under pi. A
    fall while quality rises indicates sharpening instead of learning. Compare with `nll_test`, or with
    `oracle_entropy` where the oracle is known. For a generator that can compute only a bound of its likelihood, it is
    an upper bound.
    """

    requires: ClassVar[frozenset[str]] = frozenset({"log_prob"})

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float]:
        samples, device = evaluation.samples, _device(evaluation.generator)
        rows = _rows(samples.x, evaluation.corpus.vocab.size, device)
        parts = (samples[piece].to(device) for piece in _pieces(len(samples), rows))
        pieces = ((part, part.chosen) for part in parts)
        return {"entropy": _nats(evaluation.generator, pieces, "entropy")}


class NllOracle(Metric):
    """Computes the negative log-likelihood of samples under the oracle, and the oracle's entropy, in nats per token.

    - `nll_oracle`: lower is better, *down to* `oracle_entropy`. Yu et al. 2017 (arXiv:1609.05473, section 4).
      A value below the entropy is collapse onto likely sentences, not success, and any value can be reached by
      sharpening the generator's distribution: read it only together with `nll_test`.
    - `oracle_entropy`: the value of the oracle's own samples.
    - `oracle_impossible`: share of samples that have probability 0 under the oracle; lower is better. One is enough
      to make `nll_oracle` infinite, which is reported as inf.

    Every valid token of a sample counts, given ones too, for the oracle scores whole sequences.
    """

    requires: ClassVar[frozenset[str]] = frozenset({"oracle"})

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float]:
        oracle, samples = evaluation.corpus.oracle, evaluation.samples
        assert oracle is not None, "a metric that needs an oracle was given data without one"
        rows = _rows(samples.x, evaluation.corpus.vocab.size, samples.x.device)
        with torch.no_grad():
            pieces = [
                oracle.log_prob(samples.x[piece], samples.valid[piece]).cpu().double()
                for piece in _pieces(len(samples), rows)
            ]
        log_prob = torch.cat(pieces)  # [B]
        invalid = _count_invalid(log_prob)
        if invalid:
            raise UserError(
                f"nll_oracle: the oracle's log-probability of {invalid} of {len(samples)} samples is not a number; "
                "expected finite numbers or -inf; check the oracle's parameters and that no sample has an id outside "
                "its vocabulary"
            )
        return {
            "nll_oracle": -float(log_prob.sum()) / _nonzero(int(samples.valid.sum()), "nll_oracle"),
            "oracle_entropy": float(oracle.entropy),
            "oracle_impossible": float(log_prob.isneginf().double().mean()),
        }

    def better(self) -> Mapping[str, Literal["higher", "lower"]]:
        return {"nll_oracle": "lower", "oracle_impossible": "lower"}

    def signature(self) -> str:
        return "nll|split:samples|nats-per-token|eos:counted|pad:skipped"


def _nats(generator: Generator, pieces: Iterator[tuple[Samples, Tensor]], metric: str) -> float:
    """Computes the mean of -log pi over the tokens that count.

    Args:
        generator: computes log pi.
        pieces: samples, and which of their tokens count, [B,T].
        metric: name for error messages.

    Raises:
        UserError: if a log-probability is not a number, or no token counts.
    """
    total, tokens, invalid = 0.0, 0, 0
    with torch.no_grad():
        for samples, counted in pieces:
            log_prob = generator.log_prob(samples)[counted].cpu().double()  # [tokens]
            invalid += _count_invalid(log_prob)
            total -= float(log_prob.sum())
            tokens += len(log_prob)
    if invalid:
        raise UserError(
            f"{metric}: the generator's log-probability of {invalid} of {tokens} tokens is not a number, so "
            "its training has diverged; lower its learning rate or clip its gradients, and start from an "
            "earlier checkpoint"
        )
    return total / _nonzero(tokens, metric)


def _nonzero(tokens: int, metric: str) -> int:
    if not tokens:
        raise UserError(
            f"{metric}: found no token to average over; expected at least one that is not given, forbidden or padding"
        )
    return tokens


def _count_invalid(log_prob: Tensor) -> int:
    """Counts the values that are not the logarithm of a probability or density (-inf is valid)."""
    return int((log_prob.isnan() | log_prob.isposinf()).sum())


def _rows(tokens: Tensor, vocab_size: int, device: torch.device) -> int:
    """Computes the number of sentences in a chunk. On a CPU, a chunk that fits its cache is three times as fast."""
    return max(1, min(LOGITS, describe(device).max_logits) // (tokens.shape[1] * vocab_size))


def _pieces(count: int, rows: int) -> Iterator[slice]:
    return (slice(start, start + rows) for start in range(0, count, rows))


def _device(generator: Generator) -> torch.device:
    """Returns the device of the parameters; the CPU if there are none."""
    return next((parameter.device for parameter in generator.parameters()), torch.device("cpu"))

"""Likelihoods in nats per token: of held-out text, under a known truth, and of the generator's own samples.

A token counts if it is valid and not given: padding never counts, the end-of-sequence id does. Sums are over
all tokens of all sentences, in float64, before they are divided: a long sentence weighs more than a short
one.

What well-known code gets wrong here: it averages over padding, which a model learns to predict for free, and
it calls the likelihood of *training* text "NLL test".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, Literal

import torch
from torch import Tensor

from textgan.ops.device import describe
from textgan.core.errors import UserError
from textgan.core.options import PositiveInt
from textgan.metrics.base import Evaluation, Metric
from textgan.core.roles import Generator
from textgan.core.types import Batch, Samples, Vocabulary

LOGITS = 16_000_000
"""The most floats of logits that a chunk of sentences may need, whatever the device could hold."""


class NllTest(Metric):
    """Negative log-likelihood of held-out text in nats per token, measured on the test split, never on train.

    - `nll_test`: 0 to inf, lower is better.
    - `nll_test_skipped`: share of the test split's tokens that the vocabulary bars every generator from
      writing, such as the unknown token where it is forbidden. Their likelihood is zero by decree, so they are
      left out of `nll_test`: a smaller vocabulary skips more and looks better for it.

    It punishes missing modes (a sentence that the generator cannot write costs much), not bad samples: the
    complement of BLEU and `nll_oracle`. Per token of the corpus's own tokenizer, so runs compare only where
    the vocabularies agree. inf where the generator gives a test token no probability at all.

    A generator that knows no more than a bound of its likelihood, as a VAE does, has `nll_test_bound` instead: its
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
        return self._measure(evaluation.generator, evaluation.corpus.test.batch, evaluation.corpus.vocab, "test")

    def better(self) -> Mapping[str, Literal["higher", "lower"]]:
        return {f"nll_test{self._bound}": "lower"}

    def signature(self) -> str:
        kind = "|upper-bound" if self._bound else ""
        return f"nll|split:test|sentences:{self._sentences}|nats-per-token|eos:counted|pad,forbidden:skipped{kind}"

    def _measure(self, generator: Generator, whole: Batch, vocab: Vocabulary, split: str) -> Mapping[str, float]:
        batch = whole[: self.limit]
        if not len(batch):
            raise UserError(f"nll_{split} measures the {split} split, which is empty; give the data a {split} split")
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
    """The same on the validation split: `nll_validation`, to choose by, since test is for reporting alone.

    `checkpoint: {best: nll_validation}` keeps the model of the evaluation where it was lowest.

    Args:
        limit: use only that many sentences, the first of the split; all of them by default.
    """

    default: ClassVar[bool] = False

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float]:
        corpus = evaluation.corpus
        return self._measure(evaluation.generator, corpus.validation.batch, corpus.vocab, "validation")

    def better(self) -> Mapping[str, Literal["higher", "lower"]]:
        return {f"nll_validation{self._bound}": "lower"}

    def signature(self) -> str:
        return super().signature().replace("split:test", "split:validation")


class Entropy(Metric):
    """The generator's entropy in nats per token: `entropy`, 0 to log(vocabulary size).

    Neither direction is better. Estimated by -log pi of its own samples, which presumes that these are
    ancestral draws; with a temperature, top-k or top-p it is the cross-entropy of the changed law under pi. A
    fall while quality rises tells sharpening from learning. Compare with `nll_test`, or with `oracle_entropy`
    where the truth is known. Of a generator that knows no more than a bound of its likelihood, it is an upper bound.
    """

    requires: ClassVar[frozenset[str]] = frozenset({"log_prob"})

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float]:
        samples, device = evaluation.samples, _device(evaluation.generator)
        rows = _rows(samples.x, evaluation.corpus.vocab.size, device)
        parts = (samples[piece].to(device) for piece in _pieces(len(samples), rows))
        pieces = ((part, part.chosen) for part in parts)
        return {"entropy": _nats(evaluation.generator, pieces, "entropy")}


class NllOracle(Metric):
    """Negative log-likelihood of samples under the known truth in nats per token, beside the truth's entropy.

    - `nll_oracle`: lower is better, *down to* `oracle_entropy`. Yu et al. 2017 (arXiv:1609.05473, section 4).
      A value below the entropy is collapse onto likely sentences, not success, and any value can be had by
      sharpening the generator's distribution: read it only together with `nll_test`.
    - `oracle_entropy`: what the oracle's own samples score.
    - `oracle_impossible`: share of samples that the oracle never writes; lower is better. One is enough to
      make `nll_oracle` infinite, which is reported as inf and never averaged away.

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
        broken = _broken(log_prob)
        if broken:
            raise UserError(
                f"nll_oracle: the oracle's log-probability of {broken} of {len(samples)} samples is not a "
                "number; check the oracle's parameters and that samples hold no id outside its vocabulary"
            )
        return {
            "nll_oracle": -float(log_prob.sum()) / _some(int(samples.valid.sum()), "nll_oracle"),
            "oracle_entropy": float(oracle.entropy),
            "oracle_impossible": float(log_prob.isneginf().double().mean()),
        }

    def better(self) -> Mapping[str, Literal["higher", "lower"]]:
        return {"nll_oracle": "lower", "oracle_impossible": "lower"}

    def signature(self) -> str:
        return "nll|split:samples|nats-per-token|eos:counted|pad:skipped"


def _nats(generator: Generator, pieces: Iterator[tuple[Samples, Tensor]], metric: str) -> float:
    """-log pi of the tokens that count, given as [B,T] beside samples, on average. UserError if that is no
    number.
    """
    total, tokens, broken = 0.0, 0, 0
    with torch.no_grad():
        for samples, counted in pieces:
            log_prob = generator.log_prob(samples)[counted].cpu().double()  # [tokens]
            broken += _broken(log_prob)
            total -= float(log_prob.sum())
            tokens += len(log_prob)
    if broken:
        raise UserError(
            f"{metric}: the generator's log-probability of {broken} of {tokens} tokens is not a number, so "
            "its training has diverged; lower its learning rate or clip its gradients, and start from an "
            "earlier checkpoint"
        )
    return total / _some(tokens, metric)


def _some(tokens: int, metric: str) -> int:
    if not tokens:
        raise UserError(f"{metric} is an average over tokens and found none to count; all are given, forbidden or padding")
    return tokens


def _broken(log_prob: Tensor) -> int:
    """How many are no logarithm of a probability at all (minus infinity is one)."""
    return int((log_prob.isnan() | log_prob.isposinf()).sum())


def _rows(tokens: Tensor, words: int, device: torch.device) -> int:
    """How many sentences of [B,T] make a chunk. On a CPU, one that fits its cache is three times as fast."""
    return max(1, min(LOGITS, describe(device).max_logits) // (tokens.shape[1] * words))


def _pieces(count: int, rows: int) -> Iterator[slice]:
    return (slice(start, start + rows) for start in range(0, count, rows))


def _device(generator: Generator) -> torch.device:
    """Where its parameters are; a generator without any reads the CPU's tensors."""
    return next((parameter.device for parameter in generator.parameters()), torch.device("cpu"))

"""Evaluates how well a generator fills in blanks of held-out sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Literal, NamedTuple

import torch
from torch import Tensor

from textgan.core.errors import UserError
from textgan.core.seeding import stream
from textgan.metrics.functional.ngrams import Ngrams
from textgan.options import Gt, Le, PositiveInt
from textgan.roles import Evaluation, Metric
from textgan.types import Batch, Samples
from textgan_plugins.maskgan import spans


class Infill(Metric):
    """Blanks tokens of test sentences and compares them with those that the generator samples instead.

    - `infill_exact`: share of the blanks that are filled with the original token, 0 to 1, higher is better. Many other
      tokens may be as good, so 1 is out of reach; use it to compare generators.
    - `infill_distinct4`: distinct 4-grams over all 4-grams of the filled sentences; higher is more diverse.
    - `generated_distinct4`: the same of the samples generated without a prompt, MaskGAN's "percentage of unique
      4-grams". Both decrease as the number of sentences grows, so compare them at equal numbers.

    The end-of-sequence token is blanked like any other. Blanks and random numbers are the same in each evaluation.

    Args:
        rate: share of a sentence's tokens that is blanked.
        pattern: "contiguous", one run of blanks, or "random", each token independently.
        sentences: number of sentences to use, from the start of the test split.
    """

    requires: ClassVar[frozenset[str]] = frozenset({"infilling"})

    def __init__(
        self,
        rate: Annotated[float, Gt(0), Le(1)] = 0.5,
        pattern: Literal["contiguous", "random"] = "contiguous",
        sentences: PositiveInt = 1000,
    ) -> None:
        self.rate, self.pattern, self.sentences = rate, pattern, sentences

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float]:
        original, blanked, filled = _fill("infill", evaluation, self.rate, self.pattern, self.sentences)
        exact = (filled.x == original.tokens) & filled.valid & blanked  # [N,T]
        texts = evaluation.corpus.tokenizer.decode(filled.x, filled.valid)
        return {
            "infill_exact": float(exact.sum() / blanked.sum().clamp_min(1)),
            "infill_distinct4": _distinct4(texts),
            "generated_distinct4": _distinct4(evaluation.texts),
        }

    def better(self) -> Mapping[str, Literal["higher", "lower"]]:
        return {"infill_exact": "higher", "infill_distinct4": "higher", "generated_distinct4": "higher"}

    def signature(self) -> str:
        return f"infill|split:test|blanks:{self.pattern}-{self.rate}|eos:counted|sentences:up to {self.sentences}"


class InfillGrammatical(Metric):
    """Computes the share of test sentences that are still grammatical after their blanks are filled.

    `infill_grammatical`, 0 to 1, higher is better; the original sentences score 1. Blanks as in `infill`.

    Args:
        rate: share of a sentence's tokens that is blanked.
        pattern: "contiguous", one run of blanks, or "random", each token independently.
        sentences: number of sentences to use, from the start of the test split.
    """

    requires: ClassVar[frozenset[str]] = frozenset({"infilling", "grammar"})

    def __init__(
        self,
        rate: Annotated[float, Gt(0), Le(1)] = 0.5,
        pattern: Literal["contiguous", "random"] = "contiguous",
        sentences: PositiveInt = 1000,
    ) -> None:
        self.rate, self.pattern, self.sentences = rate, pattern, sentences

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float]:
        oracle = evaluation.corpus.oracle
        assert oracle is not None, "a metric that requires a grammar was given data without one"
        filled = _fill("infill_grammatical", evaluation, self.rate, self.pattern, self.sentences).filled
        return {"infill_grammatical": float(oracle.grammatical(filled.x, filled.valid).double().mean())}

    def better(self) -> Mapping[str, Literal["higher", "lower"]]:
        return {"infill_grammatical": "higher"}


class Filled(NamedTuple):
    """N test sentences, which of their tokens were blanked, [N,T] bool, and the filled sentences; on the CPU."""

    original: Batch
    blanked: Tensor
    filled: Samples


def _fill(metric: str, evaluation: Evaluation, rate: float, pattern: str, sentences: int) -> Filled:
    """Blanks tokens of the first test sentences and fills them in by ancestral sampling, with fixed random numbers.

    Args:
        metric: name of the metric, for the error message.
        evaluation: has the generator and the test split.
        rate: share of a sentence's tokens that is blanked. Tokens given by the corpus are never blanked.
        pattern: "contiguous" or "random".
        sentences: maximum number of sentences.

    Raises:
        UserError: if the test split is empty.
    """
    original = evaluation.corpus.test.batch[:sentences]
    if not len(original):
        raise UserError(
            f"evaluate.metrics={metric}: the test split is empty; expected at least one sentence; "
            "give the data a test split or leave the metric out"
        )
    rng = torch.Generator().manual_seed(0)
    choose = {"contiguous": spans.contiguous, "random": spans.scattered}[pattern]
    blanked = choose(original.valid, torch.full((len(original),), rate), rng) & ~original.given
    batch = Batch(original.tokens, original.valid, original.valid & ~blanked)
    generator = evaluation.generator
    with stream(0, "infill"):
        filled = generator.decode(generator.sample(batch.to(next(generator.parameters()).device)))
    return Filled(original, blanked, Samples(filled.x.cpu(), filled.valid.cpu(), filled.chosen.cpu()))


def _distinct4(texts: Sequence[str]) -> float:
    """Computes the number of distinct 4-grams over the number of all 4-grams."""
    fours = Ngrams.count(texts, 4).tables[3]
    return len(fours.keys) / max(1, int(fours.times.sum()))

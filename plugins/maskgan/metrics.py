"""How well the blanks of held-out sentences are filled."""

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
    """Blanks in test sentences, filled again by rng, not by the likeliest word.

    - `infill_exact`: share of the blanks that hold their very word again, 0 to 1, higher is better. Many other words
      may be as good: it compares generators, and 1 is out of reach.
    - `infill_distinct4`: distinct 4-grams over all 4-grams of the filled sentences, higher is more diverse.
    - `generated_distinct4`: the same of the samples that were written from nothing, MaskGAN's "percentage of unique
      4-grams". Both fall as sentences become more, so compare them at equal numbers.

    The end of a sentence is blanked like a word. The same blanks and random numbers each time.

    Args:
        rate: share of a sentence's tokens that is blanked.
        pattern: "contiguous", one run of blanks, or "random", each token by itself.
        sentences: how many, the first of the test split.
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
        whole, blanked, filled = _fill(evaluation, self.rate, self.pattern, self.sentences)
        right = (filled.x == whole.tokens) & filled.valid & blanked  # [N,T]
        texts = evaluation.corpus.tokenizer.decode(filled.x, filled.valid)
        return {
            "infill_exact": float(right.sum() / blanked.sum().clamp_min(1)),
            "infill_distinct4": _distinct4(texts),
            "generated_distinct4": _distinct4(evaluation.texts),
        }

    def better(self) -> Mapping[str, Literal["higher", "lower"]]:
        return {"infill_exact": "higher", "infill_distinct4": "higher", "generated_distinct4": "higher"}

    def signature(self) -> str:
        return f"infill|split:test|blanks:{self.pattern}-{self.rate}|eos:counted|sentences:up to {self.sentences}"


class InfillGrammatical(Metric):
    """Share of test sentences that the grammar still accepts when their blanks were filled: `infill_grammatical`.

    0 to 1, higher is better; the sentences as they were score 1. Blanks as in `infill`.

    Args:
        rate: share of a sentence's tokens that is blanked.
        pattern: "contiguous", one run of blanks, or "random", each token by itself.
        sentences: how many, the first of the test split.
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
        assert oracle is not None, "a metric that needs a grammar was given data without one"
        filled = _fill(evaluation, self.rate, self.pattern, self.sentences).filled
        return {"infill_grammatical": float(oracle.grammatical(filled.x, filled.valid).double().mean())}

    def better(self) -> Mapping[str, Literal["higher", "lower"]]:
        return {"infill_grammatical": "higher"}


def _distinct4(texts: Sequence[str]) -> float:
    fours = Ngrams.count(texts, 4).tables[3]
    return len(fours.keys) / max(1, int(fours.times.sum()))


class Filled(NamedTuple):
    """N test sentences, which of their tokens were blanked [N,T], and what they were filled to; on the CPU."""

    whole: Batch
    blanked: Tensor
    filled: Samples


def _fill(evaluation: Evaluation, rate: float, pattern: str, sentences: int) -> Filled:
    whole = evaluation.corpus.test.batch[:sentences]
    if not len(whole):
        raise UserError("infill fills blanks in the test split, which is empty; give the data a test split")
    rng = torch.Generator().manual_seed(0)
    place = {"contiguous": spans.contiguous, "random": spans.scattered}[pattern]
    blanked = place(whole.valid, torch.full((len(whole),), rate), rng) & ~whole.given  # what is given stays
    batch = Batch(whole.tokens, whole.valid, whole.valid & ~blanked)
    generator = evaluation.generator
    with stream(0, "infill"):
        made = generator.decode(generator.sample(batch.to(next(generator.parameters()).device)))
    return Filled(whole, blanked, Samples(made.x.cpu(), made.valid.cpu(), made.chosen.cpu()))

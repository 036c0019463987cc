"""Corpus BLEU, chrF and TER of samples against held-out text, with sacrebleu's signatures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

import numpy as np

from textgan.core.options import Count, PositiveInt
from textgan.data.corpus import Split
from textgan.metrics.base import Evaluation, Metric, nonempty_split
from textgan.metrics.functional.bleu import References
from textgan.metrics.functional.corpus_bleu import (
    CorpusScorer,
    Tokenizer,
    reference_streams,
    shared_reference_bleu,
    tokenized,
)


class CorpusBleu(Metric):
    """Computes corpus BLEU, chrF and TER of samples against held-out text, as sacrebleu defines them.

    - `corpus_bleu`: BLEU of all samples together, 0 to 100, higher is better. Every test sentence is a reference of
      every sample. It is not comparable with `bleu4`, which is a mean over sentences.
    - `chrf`: F-score of character n-grams (Popović 2015), 0 to 100, higher is better.
    - `ter`: translation edit rate (Snover et al. 2006): the edits that turn a sample into its nearest reference, per
      100 words of the references' mean length. 0 to inf, lower is better.

    The time for chrF and TER grows with samples times references: 8 and 14 seconds for 1,000 times 100 captions on one
    CPU core. Therefore they use only the first `samples` samples, and as references of each only `references` test
    sentences, evenly spread over the split. Like BLEU, chrF rises and TER falls with the number of references: compare
    figures only where the signatures agree. All three say nothing about diversity: one good sentence repeated scores
    as well as many.

    Args:
        tokenize: tokenizer of BLEU; "ja-mecab" and "ko-mecab" need sacrebleu's extras "ja" and "ko".
        lowercase: ignore case in BLEU and chrF. TER ignores it in any case, which is sacrebleu's default.
        chrf_word_order: longest word n-grams of chrF: 0 is chrF, 2 is chrF++.
        references: test sentences that chrF and TER compare each sample with, at most.
        samples: samples that chrF and TER use, at most.
    """

    default: ClassVar[bool] = False

    def __init__(
        self,
        *,
        tokenize: Tokenizer = "13a",
        lowercase: bool = False,
        chrf_word_order: Count = 0,
        references: PositiveInt = 100,
        samples: PositiveInt = 200,
    ) -> None:
        self._scorer = CorpusScorer(tokenize, lowercase, chrf_word_order)
        self.references, self.samples = references, samples
        self._split: Split | None = None
        self._counts = References.count([], 0)
        self._chosen: Sequence[str] = ()
        self._sizes = ("samples", "samples")

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float]:
        split = nonempty_split(evaluation.corpus, "test", "corpus_bleu")
        bleu, few = self._scorer.bleu, evaluation.texts[: self.samples]
        if self._split is not split:
            self._split = split
            self._counts = References.count(tokenized(bleu, split.texts), bleu.max_ngram_order)
            count = min(self.references, len(split.texts))
            self._chosen = [split.texts[i] for i in np.linspace(0, len(split.texts) - 1, count).astype(int)]
        self._sizes = (str(len(evaluation.texts)), str(len(few)))
        value = shared_reference_bleu(bleu, evaluation.texts, self._counts)
        streams = reference_streams(few, [self._chosen] * len(few))
        chrf, ter = (float(m.corpus_score(few, streams).score) for m in (self._scorer.chrf, self._scorer.ter))
        bleu.num_refs = len(split.texts)
        return {"corpus_bleu": value, "chrf": chrf, "ter": ter}

    def better(self) -> Mapping[str, Literal["higher", "lower"]]:
        return {"corpus_bleu": "higher", "chrf": "higher", "ter": "lower"}

    def signature(self) -> str:
        bleu, chrf, ter = self._scorer.signatures().values()
        every, few = self._sizes
        return f"BLEU|hyps:{every}|{bleu}; chrF|hyps:{few}|{chrf}; TER|hyps:{few}|{ter}"

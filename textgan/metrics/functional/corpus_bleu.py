"""Corpus BLEU, chrF and TER by sacrebleu, for hypotheses with references of their own or with shared references."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from textgan.core.errors import UserError
from textgan.metrics.functional.bleu import References

if TYPE_CHECKING:
    from sacrebleu.metrics import BLEU

Tokenizer = Literal["13a", "char", "intl", "ja-mecab", "ko-mecab", "none", "zh"]
"""sacrebleu's tokenizers, except those that download a model."""


class CorpusScorer:
    """Computes corpus BLEU, chrF and TER by sacrebleu (Post 2018, arXiv:1804.08771).

    Args:
        tokenize: tokenizer of BLEU; "ja-mecab" and "ko-mecab" need sacrebleu's extras "ja" and "ko".
        lowercase: ignore case in BLEU and chrF. TER ignores it in any case, which is sacrebleu's default.
        chrf_word_order: longest word n-grams of chrF: 0 is chrF, 2 is chrF++.

    Raises:
        UserError: if the tokenizer needs a package that is not installed.
    """

    def __init__(self, tokenize: Tokenizer = "13a", lowercase: bool = False, chrf_word_order: int = 0) -> None:
        from sacrebleu.metrics import BLEU, CHRF, TER  # here, since the import takes time

        try:
            # `force` only silences a warning about tokenized text, which generated text often is.
            self.bleu = BLEU(tokenize=tokenize, lowercase=lowercase, force=True)
        except (ImportError, RuntimeError) as error:
            language = tokenize.partition("-")[0]
            raise UserError(
                f"tokenize={tokenize}: its package is not available; expected sacrebleu's extra for it; "
                f'install it with: pip install "sacrebleu[{language}]"'
            ) from error
        self.chrf = CHRF(lowercase=lowercase, word_order=chrf_word_order)
        self.ter = TER()
        for metric in (self.bleu, self.chrf, self.ter):
            metric.num_refs = -1  # "var" in a signature before the first scores

    def scores(self, hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> Mapping[str, float]:
        """Computes `corpus_bleu`, `chrf` and `ter` of hypotheses that have references of their own.

        Args:
            hypotheses: N texts.
            references: references[i] are the references of hypotheses[i], at least one; their number may vary.

        Raises:
            UserError: if there are no hypotheses, or one has no reference.
        """
        streams = reference_streams(hypotheses, references)
        named = {"corpus_bleu": self.bleu, "chrf": self.chrf, "ter": self.ter}
        return {name: float(metric.corpus_score(hypotheses, streams).score) for name, metric in named.items()}

    def signatures(self) -> Mapping[str, str]:
        """Returns sacrebleu's signature of each value, as of the latest scores."""
        named = {"corpus_bleu": self.bleu, "chrf": self.chrf, "ter": self.ter}
        return {name: str(metric.get_signature()) for name, metric in named.items()}


def corpus_scores(
    hypotheses: Sequence[str],
    references: Sequence[Sequence[str]],
    tokenize: Tokenizer = "13a",
    lowercase: bool = False,
    chrf_word_order: int = 0,
) -> Mapping[str, float]:
    """Computes corpus BLEU, chrF and TER of hypotheses with references of their own; see `CorpusScorer.scores`.

    Args:
        hypotheses: N texts.
        references: references[i] are the references of hypotheses[i], at least one; their number may vary.
        tokenize: as for `CorpusScorer`.
        lowercase: as for `CorpusScorer`.
        chrf_word_order: as for `CorpusScorer`.

    Returns:
        `corpus_bleu` and `chrf`, 0 to 100, higher is better; `ter`, 0 to inf, lower is better.
    """
    return CorpusScorer(tokenize, lowercase, chrf_word_order).scores(hypotheses, references)


def tokenized(bleu: BLEU, texts: Sequence[str]) -> list[str]:
    """Preprocesses texts as sacrebleu's BLEU does: lowercased if asked for, and tokenized."""
    return [bleu.tokenizer((text.lower() if bleu.lowercase else text).rstrip()) for text in texts]


def shared_reference_bleu(bleu: BLEU, hypotheses: Sequence[str], references: References) -> float:
    """Computes corpus BLEU where all hypotheses have the same references, in linear time.

    The statistics are counted once for all references, where sacrebleu counts them for each hypothesis anew. Smoothing
    and the score itself are sacrebleu's, and so is the result.

    Args:
        bleu: the configured metric.
        hypotheses: texts as generated.
        references: counts of the references after `tokenized`, up to `bleu.max_ngram_order`.
    """
    matches, lengths, closest = references.statistics(tokenized(bleu, hypotheses))
    totals = [int(np.maximum(lengths - n, 0).sum()) for n in range(bleu.max_ngram_order)]
    correct = [int(each.sum()) for each in matches]
    score = bleu.compute_bleu(
        correct,
        totals,
        int(lengths.sum()),
        int(closest.sum()),
        bleu.smooth_method,
        bleu.smooth_value,
        bleu.effective_order,
        bleu.max_ngram_order,
    )
    return float(score.score)


def reference_streams(hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> list[list[str | None]]:
    """Transposes references to sacrebleu's form: the i-th reference of each hypothesis, or None if it has fewer."""
    if not hypotheses or len(hypotheses) != len(references):
        raise UserError(
            f"corpus_bleu: found {len(hypotheses)} texts and references for {len(references)} of them; "
            "expected at least one text, and references for each"
        )
    missing = [number for number, each in enumerate(references) if not each]
    if missing:
        raise UserError(f"corpus_bleu: text {missing[0]} has no reference; expected at least one for each text")
    most = max(map(len, references))
    return [[each[i] if i < len(each) else None for each in references] for i in range(most)]

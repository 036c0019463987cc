from __future__ import annotations

import random
import sys
from collections.abc import Sequence
from typing import Any

import pytest
from sacrebleu.metrics import BLEU, CHRF, TER

from textgan.core.errors import UserError
from textgan.metrics.functional.bleu import References
from textgan.metrics.functional.corpus_bleu import (
    CorpusScorer,
    corpus_scores,
    reference_streams,
    shared_reference_bleu,
    tokenized,
)

HYPOTHESES = ["The cat sat on the mat.", "a dog", "", "It's raining, again and again!"]
REFERENCES = [
    ["The cat is sitting on the mat.", "A cat sat on a mat."],
    ["the dog ran", "a dog"],
    ["nothing", "nothing at all"],
    ["It rains again and again.", "it is raining again"],
]
RAGGED = [REFERENCES[0], REFERENCES[1][:1], REFERENCES[2], [*REFERENCES[3], "again, it rains"]]


def random_texts(seed: int, count: int, shortest: int = 0) -> list[str]:
    rng = random.Random(seed)
    words = ["a", "b", "the", "The", "cat.", "it's", "(dog)", "x-y", "1,000", "&amp;"]
    return [" ".join(rng.choices(words, k=rng.randrange(shortest, 10))) for _ in range(count)]


def by_sacrebleu(hypotheses: Sequence[str], streams: Sequence[Sequence[str | None]]) -> dict[str, float]:
    metrics: dict[str, Any] = {"corpus_bleu": BLEU(), "chrf": CHRF(), "ter": TER()}
    return {name: metric.corpus_score(hypotheses, streams).score for name, metric in metrics.items()}


def test_scores_equal_sacrebleu_called_directly() -> None:
    streams = [[each[0] for each in REFERENCES], [each[1] for each in REFERENCES]]
    assert corpus_scores(HYPOTHESES, REFERENCES) == by_sacrebleu(HYPOTHESES, streams)
    one = [[each[0]] for each in REFERENCES]
    assert corpus_scores(HYPOTHESES, one) == by_sacrebleu(HYPOTHESES, streams[:1])
    assert corpus_scores(HYPOTHESES, one) != corpus_scores(HYPOTHESES, REFERENCES)


def test_the_number_of_references_may_vary() -> None:
    streams = [
        [RAGGED[0][0], RAGGED[1][0], RAGGED[2][0], RAGGED[3][0]],
        [RAGGED[0][1], None, RAGGED[2][1], RAGGED[3][1]],
        [None, None, None, RAGGED[3][2]],
    ]
    assert reference_streams(HYPOTHESES, RAGGED) == streams
    assert corpus_scores(HYPOTHESES, RAGGED) == by_sacrebleu(HYPOTHESES, streams)


def test_a_missing_reference_is_not_an_empty_one() -> None:
    """An empty string as padding would be the closest reference of a short hypothesis, and raise TER's edits."""
    padded = [[*each, *[""] * (3 - len(each))] for each in RAGGED]
    assert corpus_scores(HYPOTHESES, RAGGED)["ter"] != corpus_scores(HYPOTHESES, padded)["ter"]


def test_signatures_are_those_of_sacrebleu() -> None:
    scorer = CorpusScorer("intl", lowercase=True, chrf_word_order=2)
    assert "nrefs:var" in scorer.signatures()["corpus_bleu"]
    scorer.scores(HYPOTHESES, REFERENCES)
    metrics: dict[str, Any] = {
        "corpus_bleu": BLEU(tokenize="intl", lowercase=True),
        "chrf": CHRF(lowercase=True, word_order=2),
        "ter": TER(),
    }
    streams = reference_streams(HYPOTHESES, REFERENCES)
    for metric in metrics.values():
        metric.corpus_score(HYPOTHESES, streams)
    assert scorer.signatures() == {name: str(metric.get_signature()) for name, metric in metrics.items()}
    assert scorer.signatures()["corpus_bleu"].startswith("nrefs:2|case:lc|eff:no|tok:intl|smooth:exp|version:")
    assert "nw:2" in scorer.signatures()["chrf"]
    scorer.scores(HYPOTHESES, RAGGED)
    assert scorer.signatures()["ter"].startswith("nrefs:var|")


def test_options_reach_sacrebleu() -> None:
    capitals = [text.upper() for text in HYPOTHESES]
    plain, lower = (corpus_scores(capitals, REFERENCES, lowercase=lowercase) for lowercase in (False, True))
    assert lower["corpus_bleu"] > plain["corpus_bleu"]
    assert lower["chrf"] > plain["chrf"]
    assert lower["ter"] == plain["ter"], "TER ignores case"
    plain = corpus_scores(HYPOTHESES, REFERENCES)
    assert corpus_scores(HYPOTHESES, REFERENCES, tokenize="none")["corpus_bleu"] != plain["corpus_bleu"]
    assert corpus_scores(HYPOTHESES, REFERENCES, chrf_word_order=2)["chrf"] != plain["chrf"]


@pytest.mark.parametrize("tokenize", ["13a", "none", "char", "intl", "zh"])
@pytest.mark.parametrize("lowercase", [False, True])
def test_shared_references_give_sacrebleus_result(tokenize: Any, lowercase: bool) -> None:
    hypotheses, references = random_texts(0, 40), random_texts(1, 15)
    bleu = BLEU(tokenize=tokenize, lowercase=lowercase, force=True)
    counts = References.count(tokenized(bleu, references), 4)
    expected = bleu.corpus_score(hypotheses, [[text] * len(hypotheses) for text in references]).score
    assert shared_reference_bleu(bleu, hypotheses, counts) == pytest.approx(expected, abs=1e-9)
    assert expected > 1


@pytest.mark.parametrize(
    ("hypotheses", "references"),
    [
        (["a b c", "a b", ""], ["a b c d"]),  # no 4-grams
        (["zebra"], ["a b c d"]),  # nothing matches
        ([""], ["a"]),
        (["a"], [""]),
        (["a b c d e"], ["a b c d e", "a"]),
        (["a b c d"], ["a b c d e f"]),  # the brevity penalty
        (["a b c x d e"], ["a b c d e f"]),  # no matching 4-gram, which is smoothed
        (["a b c d e"], ["a b c d", "a b c d e f"]),  # two reference lengths are equally close
    ],
)
def test_shared_references_at_the_edges(hypotheses: list[str], references: list[str]) -> None:
    bleu = BLEU(force=True)
    counts = References.count(tokenized(bleu, references), 4)
    expected = bleu.corpus_score(hypotheses, [[text] * len(hypotheses) for text in references]).score
    assert shared_reference_bleu(bleu, hypotheses, counts) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("hypotheses", "references", "message"),
    [
        ([], [], "at least one text"),
        (["a"], [], "1 texts and references for 0"),
        (["a", "b"], [["a"], []], "text 1 has no reference"),
    ],
)
def test_missing_texts_are_an_error(hypotheses: list[str], references: list[list[str]], message: str) -> None:
    with pytest.raises(UserError, match=message):
        corpus_scores(hypotheses, references)


def test_a_tokenizer_that_is_not_installed_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "MeCab", None)
    monkeypatch.delitem(sys.modules, "sacrebleu.tokenizers.tokenizer_ja_mecab", raising=False)
    with pytest.raises(UserError, match=r"tokenize=ja-mecab: .*sacrebleu\[ja\]"):
        CorpusScorer("ja-mecab")

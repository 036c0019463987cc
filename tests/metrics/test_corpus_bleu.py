from __future__ import annotations

import subprocess
import sys
import time

import pytest
from sacrebleu.metrics import BLEU, CHRF, TER
from support.worlds import World

from textgan.core.errors import UserError
from textgan.metrics.bleu import Bleu
from textgan.metrics.corpus_bleu import CorpusBleu
from textgan.testing import check_metric

TEST = ["the cat sat on the mat", "a dog ran over the mat", "birds sing", "a cat and a dog", "The end"]
SAMPLES = ["the cat ran on the mat", "a dog sat", "a bird and a dog sing", "the end", "zebra"]


def test_contract() -> None:
    check_metric(CorpusBleu(references=5, samples=5))


def test_every_test_sentence_is_a_reference_of_every_sample(world: World) -> None:
    streams = [[text] * len(SAMPLES) for text in TEST]
    expected = {
        "corpus_bleu": BLEU().corpus_score(SAMPLES, streams).score,
        "chrf": CHRF().corpus_score(SAMPLES, streams).score,
        "ter": TER().corpus_score(SAMPLES, streams).score,
    }
    assert CorpusBleu()(world(SAMPLES, test=TEST)) == pytest.approx(expected, abs=1e-9)


def test_chrf_and_ter_use_evenly_spread_references_and_the_first_samples(world: World) -> None:
    metric = CorpusBleu(references=3, samples=2)
    measured = metric(world(SAMPLES, test=TEST))
    few, streams = SAMPLES[:2], [[text] * 2 for text in (TEST[0], TEST[2], TEST[4])]
    assert measured["chrf"] == CHRF().corpus_score(few, streams).score
    assert measured["ter"] == TER().corpus_score(few, streams).score
    assert measured["corpus_bleu"] == CorpusBleu()(world(SAMPLES, test=TEST))["corpus_bleu"], "BLEU uses all"
    assert metric(world(SAMPLES, test=TEST)) == measured


def test_the_signature_holds_sacrebleus(world: World) -> None:
    metric = CorpusBleu(references=3, samples=2, chrf_word_order=2)
    assert metric.signature().startswith("BLEU|hyps:samples|nrefs:var|")
    metric(world(SAMPLES, test=TEST))
    bleu, chrf, ter = metric.signature().split("; ")
    assert bleu.startswith("BLEU|hyps:5|nrefs:5|case:mixed|eff:no|tok:13a|smooth:exp|version:")
    assert chrf.startswith("chrF|hyps:2|nrefs:3|case:mixed|eff:yes|nc:6|nw:2|space:no|version:")
    assert ter.startswith("TER|hyps:2|nrefs:3|case:lc|tok:tercom|norm:no|punct:yes|asian:no|version:")
    assert "\n" not in metric.signature()


def test_options(world: World) -> None:
    plain = CorpusBleu()(world(SAMPLES, test=TEST))
    lower = CorpusBleu(lowercase=True)(world(SAMPLES, test=TEST))
    assert lower["corpus_bleu"] > plain["corpus_bleu"]
    assert lower["chrf"] > plain["chrf"]
    by_character = CorpusBleu(tokenize="char")(world(SAMPLES, test=TEST))
    assert by_character["corpus_bleu"] > plain["corpus_bleu"]


def test_another_test_split_is_counted_anew(world: World) -> None:
    metric = CorpusBleu()
    first = metric(world(SAMPLES, test=TEST))
    assert metric(world(SAMPLES, test=["zebra"]))["corpus_bleu"] != first["corpus_bleu"]
    assert metric.signature().count("nrefs:1|") == 3
    assert metric(world(SAMPLES, test=TEST)) == first


def test_perfect_samples(world: World) -> None:
    measured = CorpusBleu()(world(TEST, test=TEST))
    assert measured == pytest.approx({"corpus_bleu": 100, "chrf": 100, "ter": 0})


def test_it_is_not_the_mean_over_sentences(world: World) -> None:
    evaluation = world(SAMPLES, test=TEST)
    assert CorpusBleu()(evaluation)["corpus_bleu"] / 100 != pytest.approx(Bleu()(evaluation)["bleu4"], abs=0.01)


def test_an_empty_test_split_is_an_error(world: World) -> None:
    with pytest.raises(UserError, match=r"evaluate\.metrics=corpus_bleu: the test split is empty"):
        CorpusBleu()(world(SAMPLES, test=[]))


def test_directions_and_default() -> None:
    assert CorpusBleu().better() == {"corpus_bleu": "higher", "chrf": "higher", "ter": "lower"}
    assert not CorpusBleu.default


def test_sacrebleu_is_imported_only_where_the_metric_is_used() -> None:
    code = "import sys, textgan.metrics.corpus_bleu; assert 'sacrebleu' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_many_samples_and_references_take_linear_time(world: World) -> None:
    samples = [f"{text} {n % 89}" for n in range(400) for text in SAMPLES]
    test = [f"{text} {n % 97}" for n in range(400) for text in TEST]
    start = time.process_time()
    CorpusBleu(references=2, samples=2)(world(samples, test=test))
    assert time.process_time() - start < 3, "about 0.1 s; 2,000 times 2,000 pairs take minutes"

"""Metrics of filled blanks."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from textgan import recipe
from textgan.core.errors import UserError
from textgan.data.corpus import Corpus, Split, build_corpus
from textgan.data.sources.grammar import Grammar
from textgan.metrics.base import Evaluation
from textgan.roles import TokenSampler
from textgan.testing import tiny_corpus
from textgan.types import Batch, Samples
from textgan_plugins.maskgan import metrics
from textgan_plugins.maskgan.generator import Infill


class Copying(Infill):
    """Fills blanks with the original tokens, or all with the token `wrong`."""

    wrong: int | None = None

    def sample(self, batch: Batch, token_sampler: TokenSampler | None = None) -> Samples:
        assert not (batch.given & ~batch.valid).any()
        self.asked = batch
        x = batch.tokens if self.wrong is None else batch.tokens.where(batch.given, torch.tensor(self.wrong))
        return Samples(x, batch.valid, batch.valid & ~batch.given)


def evaluation(corpus: Corpus, wrong: int | None = None) -> Evaluation:
    generator = Copying(corpus.vocab, embed_dim=2, hidden_dim=2)
    generator.wrong = wrong
    samples = generator.real(corpus.test.batch[:1])
    return Evaluation(generator, samples, corpus.tokenizer.decode(samples.x, samples.valid), corpus)


def grammar() -> Corpus:
    return build_corpus(Grammar(sentences=3000, validation=10, test=60), None, None, 0)


@torch.no_grad()
@pytest.mark.parametrize("pattern", ["contiguous", "random"])
def test_exact_is_the_share_of_blanks_filled_with_the_original(pattern: str) -> None:
    corpus = tiny_corpus()
    metric = metrics.Infill(pattern=pattern)  # type: ignore[arg-type]
    assert metric(evaluation(corpus))["infill_exact"] == 1
    token = corpus.tokenizer.encode(["the"])[0][0]
    evaluated = evaluation(corpus, token)
    exact = metric(evaluated)["infill_exact"]
    asked = evaluated.generator.asked  # type: ignore[union-attr]
    blanked = asked.valid & ~asked.given
    assert exact == pytest.approx((corpus.test.batch.tokens == token)[blanked].double().mean().item())
    assert 0 < exact < 0.6
    assert blanked.sum() / asked.valid.sum() == pytest.approx(0.5, abs=0.15)


@torch.no_grad()
def test_distinct_counts_4_grams_of_whole_sentences() -> None:
    corpus = tiny_corpus()
    sentences = [text.split() for text in corpus.test.texts]
    fours = [tuple(s[i : i + 4]) for s in sentences for i in range(len(s) - 3)]
    values = metrics.Infill()(replace(evaluation(corpus), texts=["a b c d a b c d", "b c d"]))
    assert values["infill_distinct4"] == pytest.approx(len(set(fours)) / len(fours))
    assert values["generated_distinct4"] == pytest.approx(4 / 5)


@torch.no_grad()
def test_grammatical_counts_sentences_that_the_grammar_accepts() -> None:
    corpus = grammar()
    assert metrics.InfillGrammatical()(evaluation(corpus))["infill_grammatical"] == 1
    wrong = evaluation(corpus, corpus.tokenizer.encode([corpus.test.texts[0].split()[0]])[0][0])
    assert metrics.InfillGrammatical()(wrong)["infill_grammatical"] < 0.5


@torch.no_grad()
def test_blanks_and_samples_are_the_same_in_each_evaluation() -> None:
    corpus = grammar()
    torch.manual_seed(0)
    generator = Infill(corpus.vocab, embed_dim=4, hidden_dim=4).eval()
    evaluated = replace(evaluation(corpus), generator=generator)
    first = metrics.Infill()(evaluated)
    torch.rand(3)
    assert metrics.Infill()(evaluated) == first
    assert set(metrics.Infill().better()) <= set(first)


@torch.no_grad()
def test_tokens_given_by_the_corpus_are_not_blanked() -> None:
    corpus = tiny_corpus()
    test = corpus.test.batch
    given = torch.zeros_like(test.given)
    given[:, 1] = True
    evaluated = evaluation(replace(corpus, test=Split(replace(test, given=given), corpus.test.texts)))
    metrics.Infill(rate=1.0)(evaluated)
    assert torch.equal(evaluated.generator.asked.given, given)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("metric", "name"), [(metrics.Infill(), "infill"), (metrics.InfillGrammatical(), "infill_grammatical")]
)
def test_an_empty_test_split_is_refused(metric: metrics.Infill, name: str) -> None:
    corpus = grammar()
    evaluated = evaluation(corpus)
    empty = replace(corpus, test=Split(corpus.test.batch[:0], []))
    with pytest.raises(UserError, match=f"evaluate.metrics={name}: the test split is empty"):
        metric(replace(evaluated, corpus=empty))


def test_only_the_first_sentences_are_used() -> None:
    corpus = tiny_corpus()
    evaluated = evaluation(corpus)
    metrics.Infill(sentences=2)(evaluated)
    assert len(evaluated.generator.asked) == 2  # type: ignore[union-attr,arg-type]


def test_the_signature_names_the_blanks() -> None:
    signature = metrics.Infill(rate=0.3, pattern="random", sentences=7).signature()
    assert signature == "infill|split:test|blanks:random-0.3|eos:counted|sentences:up to 7"


def test_a_recipe_whose_generator_cannot_fill_blanks_is_refused() -> None:
    with pytest.raises(recipe.RecipeError, match='"infill" needs infilling'):
        recipe.load("seqgan", ["evaluate.metrics=[infill]"])

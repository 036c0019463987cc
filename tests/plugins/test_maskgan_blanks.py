"""Which words are blanked, and how well they are filled again."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from textgan import recipe
from textgan.core import registry, spec
from textgan.core.types import Batch, Samples
from textgan.data.batches import Batches
from textgan.data.corpus import Corpus, Split, build_corpus
from textgan.data.interfaces import Blanks
from textgan.data.sources.grammar import Grammar
from textgan.generation.sampling import TokenSampler
from textgan.metrics.base import Evaluation
from textgan.testing import tiny_corpus
from textgan_plugins.maskgan import metrics, spans
from textgan_plugins.maskgan.blanks import Contiguous, Random
from textgan_plugins.maskgan.generator import Infill

LENGTHS = torch.tensor([12, 7, 1, 3] * 3000)


def batch() -> Batch:
    valid = torch.arange(12) < LENGTHS.unsqueeze(1)
    return Batch(torch.zeros_like(valid, dtype=torch.long), valid, torch.zeros_like(valid))


def blanked(blanks: Blanks, seed: int = 0, index: int = 0) -> Tensor:
    given = blanks.given(batch(), torch.Generator().manual_seed(seed), index)
    assert not (given & ~batch().valid).any(), "padding is never given"
    return batch().valid & ~given


KINDS = pytest.mark.parametrize("kind", [Contiguous, Random])


@KINDS
@pytest.mark.parametrize("rate", [0.0, 0.3, 0.5, 1.0])
def test_the_share_is_the_rate(kind: type[Contiguous], rate: float) -> None:
    share = blanked(kind(rate)).sum(1) / LENGTHS
    for length in (12, 7, 1, 3):
        error = 5 * share[length == LENGTHS].std() / 3000**0.5 + 1e-6
        assert share[length == LENGTHS].mean().item() == pytest.approx(rate, abs=error.item())


@KINDS
def test_chance_alone_decides(kind: type[Contiguous]) -> None:
    before = torch.get_rng_state()
    blanks = kind(0.5, spread=0.5, whole=0.2)
    assert torch.equal(blanked(blanks, 3, 8), blanked(blanks, 3, 8))
    assert not torch.equal(blanked(blanks, 3), blanked(blanks, 4))
    assert torch.equal(torch.get_rng_state(), before), "the run's own random numbers are left alone"


def test_blanks_stand_in_one_run_anywhere() -> None:
    found = blanked(Contiguous(0.4))
    starts = (found & ~torch.nn.functional.pad(found, (1, 0))[:, :-1]).sum(1)
    assert starts.max() == 1
    rows = found[LENGTHS == 12]
    first = rows.float().argmax(1)[rows.sum(1) == 5]  # 12 * 0.4 = 4.8 is 4 or 5
    expected = len(first) / 8
    assert torch.bincount(first, minlength=8).tolist() == pytest.approx([expected] * 8, abs=5 * expected**0.5)


def test_random_blanks_are_drawn_one_by_one() -> None:
    rows = blanked(Random(0.5))[LENGTHS == 12].float()
    together = (rows.T @ rows / len(rows)).fill_diagonal_(0.25)
    assert (together - 0.25).abs().max() < 5 * (0.25 * 0.75 / len(rows)) ** 0.5


@KINDS
def test_sentences_have_shares_of_their_own(kind: type[Contiguous]) -> None:
    share = spans.Rate(0.5, spread=0.3, whole=0.25).shares(100_000, torch.Generator().manual_seed(0), 0)
    assert (share == 1).double().mean().item() == pytest.approx(0.25, abs=0.01)
    own = share[share < 1]
    assert (own.min().item(), own.max().item()) == pytest.approx((0.2, 0.8), abs=1e-3)
    whole = blanked(kind(0.0, whole=1.0))
    assert torch.equal(whole, batch().valid), "everything blank, the end too: written from nothing"


def test_the_rate_moves_in_a_straight_line() -> None:
    rate = spans.Rate(0.2, final_rate=0.8, over=100)
    assert [rate.at(index) for index in (0, 25, 100, 999)] == pytest.approx([0.2, 0.35, 0.8, 0.8])
    assert blanked(Contiguous(0.2, final_rate=1.0, over=10), index=10)[0].all()
    assert spans.Rate(0.2).at(50) == 0.2


@KINDS
@pytest.mark.parametrize("options", [{"final_rate": 0.9}, {"over": 10}])
def test_half_a_schedule_is_refused(kind: type[Contiguous], options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="go together"):
        kind(**options)  # type: ignore[arg-type]


def test_a_run_that_goes_on_sees_the_same_blanks() -> None:
    data = batch()[:100]
    whole = Batches(data, 10, 0, Contiguous(0.2, final_rate=0.9, over=20))
    ahead = [next(whole) for _ in range(15)][-1]
    later = Batches(data, 10, 0, Contiguous(0.2, final_rate=0.9, over=20))
    later.index = 14
    assert torch.equal(next(later).given, ahead.given)


def test_recipes_name_them() -> None:
    for name, kind in (("contiguous", Contiguous), ("random", Random)):
        component = registry.find("blanks", name)
        assert component.load() is kind
        known = spec.read(component)
        assert all(option.doc for option in known.options.values())
        filled = recipe.load("seqgan", [f"blanks={name}", "blanks.rate=0.3"]).filled["blanks"]
        assert filled == {
            "name": name,
            "rate": 0.3,
            "spread": 0.0,
            "whole": 0.0,
            "final_rate": None,
            "over": 0,
        }


# How well blanks are filled.


class Knowing(Infill):
    """Puts back what stood there, but for the words that it always writes `wrong`."""

    truth: Batch
    wrong: int | None = None

    def sample(self, batch: Batch, token_sampler: TokenSampler | None = None) -> Samples:
        assert not (batch.given & ~batch.valid).any()
        self.asked = batch
        x = batch.tokens if self.wrong is None else batch.tokens.where(batch.given, torch.tensor(self.wrong))
        return Samples(x, batch.valid, batch.valid & ~batch.given)


def evaluation(corpus: Corpus, wrong: int | None = None) -> Evaluation:
    made = Knowing(corpus.vocab, embed_dim=2, hidden_dim=2)
    made.wrong = wrong
    nothing = made.real(corpus.test.batch[:1])
    return Evaluation(made, nothing, corpus.tokenizer.decode(nothing.x, nothing.valid), corpus)


def grammar() -> Corpus:
    return build_corpus(Grammar(sentences=3000, validation=10, test=60), None, None, 0)


@torch.no_grad()
@pytest.mark.parametrize("pattern", ["contiguous", "random"])
def test_exact_is_the_share_of_blanks_that_are_right(pattern: str) -> None:
    corpus = tiny_corpus()
    measure = metrics.Infill(pattern=pattern)  # type: ignore[arg-type]
    assert measure(evaluation(corpus))["infill_exact"] == 1
    word = corpus.tokenizer.encode(["the"])[0][0]
    seen = evaluation(corpus, word)
    found = measure(seen)["infill_exact"]
    asked = seen.generator.asked  # type: ignore[union-attr]
    left_out = asked.valid & ~asked.given
    assert found == pytest.approx((corpus.test.batch.tokens == word)[left_out].double().mean().item())
    assert 0 < found < 0.6
    assert left_out.sum() / asked.valid.sum() == pytest.approx(0.5, abs=0.15)


@torch.no_grad()
def test_distinct_is_of_whole_sentences() -> None:
    corpus = tiny_corpus()
    sentences = [text.split() for text in corpus.test.texts]
    fours = [tuple(s[i : i + 4]) for s in sentences for i in range(len(s) - 3)]
    found = metrics.Infill()(replace(evaluation(corpus), texts=["a b c d a b c d", "b c d"]))
    assert found["infill_distinct4"] == pytest.approx(len(set(fours)) / len(fours))
    assert found["generated_distinct4"] == pytest.approx(4 / 5)


@torch.no_grad()
def test_grammatical_counts_sentences_that_the_grammar_accepts() -> None:
    corpus = grammar()
    assert metrics.InfillGrammatical()(evaluation(corpus))["infill_grammatical"] == 1
    spoiled = evaluation(corpus, corpus.tokenizer.encode([corpus.test.texts[0].split()[0]])[0][0])
    assert metrics.InfillGrammatical()(spoiled)["infill_grammatical"] < 0.5


@torch.no_grad()
def test_the_same_blanks_and_draws_whatever_was_drawn_before() -> None:
    corpus = grammar()
    torch.manual_seed(0)
    made = Infill(corpus.vocab, embed_dim=4, hidden_dim=4).eval()
    seen = replace(evaluation(corpus), generator=made)
    first = metrics.Infill()(seen)
    torch.rand(3)
    assert metrics.Infill()(seen) == first
    assert set(metrics.Infill().better()) <= set(first)


@torch.no_grad()
def test_unknown_words_stay_given() -> None:
    corpus = tiny_corpus()
    test = corpus.test.batch
    given = torch.zeros_like(test.given)
    given[:, 1] = True
    seen = evaluation(replace(corpus, test=Split(replace(test, given=given), corpus.test.texts)))
    metrics.Infill(rate=1.0)(seen)
    assert torch.equal(seen.generator.asked.given, given)  # type: ignore[union-attr]


def test_a_recipe_whose_generator_cannot_fill_blanks_is_refused() -> None:
    with pytest.raises(recipe.RecipeError, match="infill needs infilling"):
        recipe.load("seqgan", ["evaluate.metrics=[infill]"])

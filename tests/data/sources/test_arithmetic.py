"""Arithmetic terms: their probability compared with sums over derivation trees, and with samples of the grammar."""

from __future__ import annotations

import random
from collections import Counter
from functools import cache
from itertools import product
from math import log

import pytest
import torch
from torch import Tensor

from textgan.data.corpus import Corpus, build_corpus
from textgan.data.sources.arithmetic import Arithmetic
from textgan.data.sources.grammar.oracle import GrammarOracle

OPERATORS = "+-*/"


def corpus(**options: int | float | bool) -> Corpus:
    return build_corpus(Arithmetic(sentences=3000, slip=1e-9, **options), None, None, 0)  # type: ignore[arg-type]


@cache
def inside(term: str, leaf: float) -> float:
    """The probability that S derives a term: over every operator that may be the root, of both its sides."""
    if term == "x":
        return leaf
    roots = (i for i, word in enumerate(term) if word in OPERATORS)
    return sum((1 - leaf) / 4 * inside(term[:i], leaf) * inside(term[i + 1 :], leaf) for i in roots)


def terms(shortest: int, longest: int) -> list[str]:
    """Every string of x and operators that can be parsed."""
    found = []
    for variables in range(1, 1 + (longest + 1) // 2):
        if shortest <= 2 * variables - 1:
            found += ["x".join(("", *middle, "")) for middle in product(OPERATORS, repeat=variables - 1)]
    return found


def score(known: Corpus, texts: list[str]) -> Tensor:
    batch = known.tokenizer.batch([" ".join(term) for term in texts], known.max_len)
    assert isinstance(known.oracle, GrammarOracle)
    return known.oracle.log_prob(batch.tokens, batch.valid)


@pytest.mark.parametrize(("leaf", "shortest", "longest"), [(0.2, 1, 12), (0.5, 3, 9), (0.7, 7, 11)])
@pytest.mark.parametrize("fill", [False, True])
def test_the_probability_is_the_sum_over_all_derivations(leaf: float, shortest: int, longest: int, fill: bool) -> None:
    """Compares the oracle with a sum over trees for every term; normalised over the lengths, they sum to 1."""
    known = corpus(leaf=leaf, shortest=shortest, longest=longest, fill=fill)
    every = terms(shortest, longest)
    weight = torch.tensor([inside(term, leaf) for term in every], dtype=torch.float64)
    expected = weight / weight.sum()
    found = score(known, [term + "_" * (longest - len(term)) if fill else term for term in every])
    torch.testing.assert_close(found.exp().double(), expected, rtol=1e-4, atol=1e-9)
    assert found.exp().sum().item() == pytest.approx(1, abs=1e-5)
    tokens = torch.tensor([longest if fill else 1 + len(term) for term in every], dtype=torch.float64)
    assert known.oracle is not None
    entropy = -(expected @ expected.log()) / (expected @ tokens)
    assert known.oracle.entropy == pytest.approx(entropy.item())


def derive(rng: random.Random, leaf: float, longest: int) -> str:
    """Derives a term by the rules of the grammar; returns an empty one if it grows too long."""
    if longest < 1 or rng.random() < leaf:
        return "x"[:longest]
    left = derive(rng, leaf, longest - 2)
    return left and (right := derive(rng, leaf, longest - 1 - len(left))) and left + rng.choice(OPERATORS) + right


def test_samples_are_distributed_like_derivations_that_are_not_too_long() -> None:
    rng = random.Random(0)
    derived = [term for _ in range(40_000) if (term := derive(rng, 0.3, 7))]
    known = build_corpus(Arithmetic(sentences=20_000, longest=7, leaf=0.3), None, None, 0)
    shares, expected = (
        {name: number / len(texts) for name, number in Counter(texts).items()}
        for texts in ([text.replace(" ", "") for text in known.train.texts], derived)
    )
    for term in terms(1, 5):
        assert shares.get(term, 0) == pytest.approx(expected.get(term, 0), abs=0.01), term


@pytest.mark.parametrize("fill", [False, True])
def test_grammatical_is_what_parses(fill: bool) -> None:
    known = corpus(longest=5, fill=fill)
    lengths, words = ([5], "x+_") if fill else (range(1, 7), "x+")
    strings = ["".join(letters) for length in lengths for letters in product(words, repeat=length)]
    batch = known.tokenizer.batch([" ".join(s) for s in strings], 5 if fill else 7)
    assert known.oracle is not None
    found = known.oracle.grammatical(batch.tokens, batch.valid)
    right = {s for s, good in zip(strings, found.tolist(), strict=True) if good}
    assert right == ({"x____", "x+x__", "x+x+x"} if fill else {"x", "x+x", "x+x+x"})


def test_the_mean_score_of_its_own_text_is_its_entropy() -> None:
    known = corpus(shortest=5, leaf=0.5)
    batch = known.test.batch
    assert known.oracle is not None
    nll = -known.oracle.log_prob(batch.tokens, batch.valid).double()
    expected = known.oracle.entropy * batch.valid.sum(1).double().mean()
    assert abs(nll.mean() - expected) < 4 * nll.std() / len(nll) ** 0.5
    assert known.oracle.grammatical(batch.tokens, batch.valid).all()


def test_splits_have_the_same_distribution_and_depend_on_the_seed() -> None:
    """They may share terms: the language is smaller than the text."""
    source = Arithmetic(sentences=4000)
    raw, again, other = source.read(0), source.read(0), source.read(1)
    assert (raw.train, raw.validation, raw.test) == (again.train, again.validation, again.test)
    assert raw.train != other.train
    assert raw.train[:1000] != raw.validation
    shares = [split.count("x") / len(split) for split in (raw.train, raw.validation, raw.test)]
    p = 0.2 / sum(inside(term, 0.2) for term in terms(1, 12))
    assert shares == pytest.approx([p] * 3, abs=0.05)
    built = build_corpus(source, None, None, 0)
    assert [len(split.texts) for split in (built.train, built.validation, built.test)] == [4000, 1000, 2000]


def test_the_test_split_does_not_depend_on_the_number_of_sentences() -> None:
    assert Arithmetic(sentences=10).read(0).test == Arithmetic(sentences=1000).read(0).test


def test_a_mistake_costs_a_slip() -> None:
    known = build_corpus(Arithmetic(slip=1e-4), None, None, 0)
    right, wrong = score(known, ["x+x", "xx+"]).tolist()
    assert right - wrong > -log(1e-4)


def test_impossible_lengths_are_rejected() -> None:
    with pytest.raises(ValueError, match=r"data\.shortest=12 data\.longest=12: no term has such a length"):
        Arithmetic(shortest=12, longest=12)


def test_filled_terms_have_one_length_and_no_end() -> None:
    known = corpus(shortest=3, fill=True)
    assert known.vocab.eos is None
    assert known.max_len == 12
    assert known.train.batch.valid.all()
    assert all(len(text.split()) == 12 for text in known.train.texts)
    assert corpus().vocab.size == 8, "without padding there is no padding word"

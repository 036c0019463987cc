"""The grammar as an oracle, compared with sums computed by hand."""

from __future__ import annotations

from itertools import product
from math import exp, log

import numpy as np
import pytest
import torch
from support.grammars import encode, tiny

from textgan.core.types import Vocabulary
from textgan.data.sources.grammar import Grammar, load
from textgan.data.sources.grammar.automaton import Automaton
from textgan.data.sources.grammar.oracle import GrammarOracle
from textgan.data.tokenizers.base import Tokenizer
from textgan.data.tokenizers.builtin import word


@pytest.fixture(scope="module")
def sentences() -> list[str]:
    return load().sample(3000, np.random.default_rng(0))


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return word([" ".join(load().words)])


@pytest.fixture(scope="module")
def oracle(tokenizer: Tokenizer) -> GrammarOracle:
    return Grammar().oracle(tokenizer)


def tiny_oracle(slip: float) -> tuple[GrammarOracle, Automaton]:
    """Returns an oracle with the ids pad 0, eos 1, an unknown word 2, then the words; and its automaton."""
    automaton = tiny("Sentence = runs?50 Animal.s", "Animal.sp: owl/owls cat/cats")
    ids: list[int | None] = [3 + i for i in range(len(automaton.words))]
    return GrammarOracle(automaton, ids, Vocabulary(6, bos=0, eos=1, pad=0, forbidden_ids=(0,)), slip), automaton


def by_hand(automaton: Automaton, words: list[int], slip: float, ids: int, ends: bool) -> float:
    """Computes the oracle's definition as a recursion; ids that are not words are numbered -1."""

    def probability(node: int, t: int) -> float:
        if t == len(words):
            return (1 - slip) * automaton.end[node] + slip / 2 if ends else 1.0
        total = 0.0
        for begin, share in ((node, 1 - slip), (automaton.start, slip / 2)):
            for arc in np.flatnonzero(automaton.source == begin):
                p = automaton.emission[automaton.label[arc], words[t]] if words[t] >= 0 else 0.0
                emits = (1 - slip) * p + slip / ids
                total += share * automaton.weight[arc] * emits * probability(automaton.target[arc], t + 1)
        return total

    return probability(automaton.start, 0)


@pytest.mark.parametrize("slip", [0.3, 0.01])
def test_log_prob_is_the_definition(slip: float) -> None:
    oracle, automaton = tiny_oracle(slip)
    for length in range(4):
        for words in product(range(2, 6), repeat=length):
            rest = [1, 5, 5][: 4 - length]
            tokens = torch.tensor([[*words, *rest]])
            found = float(oracle.log_prob(tokens, torch.ones_like(tokens, dtype=torch.bool)))
            expected = by_hand(automaton, [w - 3 for w in words], slip, ids=4, ends=True)
            assert found == pytest.approx(log(expected), abs=1e-5)


def test_truncated_and_ended_rows_are_a_distribution() -> None:
    oracle, _ = tiny_oracle(0.2)
    truncated = torch.tensor(list(product(range(2, 6), repeat=4)))
    total = exp(float(oracle.log_prob(truncated, torch.ones_like(truncated, dtype=torch.bool)).logsumexp(0)))
    for length in range(4):
        ended = torch.tensor([[*words, 1] for words in product(range(2, 6), repeat=length)])
        total += exp(float(oracle.log_prob(ended, torch.ones_like(ended, dtype=torch.bool)).logsumexp(0)))
    assert total == pytest.approx(1, abs=1e-5)


def test_slips_cost_the_grammars_own_text_almost_nothing(sentences: list[str], tokenizer: Tokenizer) -> None:
    tokens, valid = encode(tokenizer, sentences[:200])
    usual, strict = (Grammar(slip=slip).oracle(tokenizer).log_prob(tokens, valid) for slip in (1e-5, 1e-12))
    assert ((strict - usual) / valid.sum(1)).abs().max() < 3e-5


def test_grammatical(oracle: GrammarOracle, tokenizer: Tokenizer, sentences: list[str]) -> None:
    assert oracle.grammatical(*encode(tokenizer, sentences)).all()
    expected = {
        "the queen who the wolves follow sneezes .": True,
        "the queen who the wolves follow sneeze .": False,  # agrees with the nearer noun
        "the queen who the wolves follows sneezes .": False,
        "when a king was angry , he sneezed in the garden .": True,
        "when a king was angry , she sneezed in the garden .": False,
        "when a king was angry , he sneezed in the garden ?": False,
        "an owl stole our dinner .": False,
        "an owl stole its dinner .": True,
        "a owl stole its dinner .": False,
        "why did the owl stole its dinner ?": False,
        "why did the owl steal its dinner ?": True,
        "why did the owl steal its dinner": False,
        "why did the owl steal its dinner ? ?": False,
        "the baker ate the piano .": False,
        "xylophone": False,
        "": False,
    }
    assert dict(zip(expected, oracle.grammatical(*encode(tokenizer, list(expected))).tolist(), strict=True)) == expected


def test_a_sentence_without_end_is_unfinished(oracle: GrammarOracle, tokenizer: Tokenizer) -> None:
    tokens, valid = encode(tokenizer, ["the owl is very happy ."], length=6)
    assert not oracle.grammatical(tokens, valid).any()
    whole, _ = encode(tokenizer, ["the owl is very happy ."], length=7)
    prefix = oracle.log_prob(tokens[:, :5], valid[:, :5])  # a prefix is more likely than its continuation
    assert (
        prefix
        > oracle.log_prob(tokens, valid)
        > oracle.log_prob(whole, torch.ones_like(whole, dtype=torch.bool)) - 1e-5
    )


def test_every_row_has_a_finite_probability(oracle: GrammarOracle) -> None:
    size, eos = oracle.vocab.size, oracle.vocab.eos
    tokens = torch.randint(size, (300, 40), generator=torch.Generator().manual_seed(0))
    tokens[0, 0] = eos
    tokens[1] = 3  # unknown words only
    valid = torch.arange(40) < torch.arange(300)[:, None] % 40 + 1
    log_prob = oracle.log_prob(tokens, valid)
    assert log_prob.isfinite().all()
    assert (log_prob <= 0).all()
    assert log_prob[0] == pytest.approx(log(1e-5 / 2), abs=1e-3)


def test_each_row_is_scored_independently(oracle: GrammarOracle, tokenizer: Tokenizer, sentences: list[str]) -> None:
    tokens, valid = encode(tokenizer, sentences[:300])
    together = oracle.log_prob(tokens, valid)
    tokens[~valid] = torch.randint(tokenizer.vocab.size, tokens[~valid].shape)
    torch.testing.assert_close(oracle.log_prob(tokens.flip(0), valid.flip(0)).flip(0), together)
    assert oracle.log_prob(tokens[:0], valid[:0]).shape == (0,)
    changed = tokens[:5].clone()
    changed[:, 17:] = 7
    all_valid = torch.ones_like(changed, dtype=torch.bool)
    torch.testing.assert_close(oracle.log_prob(changed, all_valid), together[:5])  # the first end counts


def test_a_mistake_costs_one_slip(oracle: GrammarOracle, tokenizer: Tokenizer) -> None:
    right, wrong = oracle.log_prob(
        *encode(
            tokenizer,
            ["the mayor reads a long letter in the garden .", "the mayor read a long letter in the garden ."],
        )
    )
    assert 10 < right - wrong < 20


def test_words_that_are_not_in_the_corpus_are_slips(oracle: GrammarOracle) -> None:
    few = word(["the owl sleeps . penguin"])
    small = Grammar().oracle(few)
    texts = ["the owl sleeps .", "the horse sleeps ."]
    first, second = small.log_prob(*encode(few, texts))
    assert first == pytest.approx(float(oracle.log_prob(*encode(word([" ".join(load().words)]), texts))[0]), abs=1e-3)
    assert first - second > 8
    assert small.grammatical(*encode(few, texts)).tolist() == [True, False]
    assert small.entropy == oracle.entropy

"""The automaton: probabilities, entropy, lengths and samples."""

from __future__ import annotations

from math import log

import numpy as np
import pytest
import torch
from support.grammars import encode, tiny

from textgan.data.sources.grammar import Grammar, load
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


def test_probabilities_sum_to_one() -> None:
    automaton = load()
    out = np.bincount(automaton.source, automaton.weight, minlength=len(automaton.end)) + automaton.end
    np.testing.assert_allclose(out, 1, atol=1e-9)
    np.testing.assert_allclose(automaton.emission.sum(1), 1, atol=1e-12)
    assert (automaton.target < automaton.source).all()


def test_entropy_and_length_agree_with_samples(
    sentences: list[str], oracle: GrammarOracle, tokenizer: Tokenizer
) -> None:
    length, nats = load().expectations()
    nll = -oracle.log_prob(*encode(tokenizer, sentences)).double()
    assert abs(nll.mean() - nats) < 4 * nll.std() / len(nll) ** 0.5
    words = torch.tensor([len(sentence.split()) for sentence in sentences]).double()
    assert abs(words.mean() - length) < 4 * words.std() / len(words) ** 0.5
    assert oracle.entropy == pytest.approx(nats / (length + 1))
    assert 20 <= nats <= 30


def test_tiny_grammar_by_hand() -> None:
    owl, cat = 9 / 17, 8 / 17  # weights 1/8 and 1/9
    expected = {
        "an owl runs": 0.75 * 0.75 * owl,
        "a cat runs": 0.75 * 0.75 * cat,
        "an old owl runs": 0.75 * 0.25 * owl,
        "an old cat runs": 0.75 * 0.25 * cat,
        "owls run": 0.25 * owl,
        "cats run": 0.25 * cat,
    }
    automaton = tiny()
    samples = automaton.sample(40_000, np.random.default_rng(0))
    assert set(samples) == set(expected)
    for sentence, p in expected.items():
        assert samples.count(sentence) / len(samples) == pytest.approx(p, abs=0.01)
    length, nats = automaton.expectations()
    assert nats == pytest.approx(-sum(p * log(p) for p in expected.values()))
    assert length == pytest.approx(sum(p * len(sentence.split()) for sentence, p in expected.items()))
    assert automaton.lengths() == (2, 4)


def test_the_arcs_of_a_node_are_consecutive() -> None:
    automaton = tiny()
    assert automaton.start == len(automaton.end) - 1
    for node in range(len(automaton.end)):
        arcs = slice(automaton.first[node], automaton.first[node + 1])
        assert (automaton.source[arcs] == node).all()
    assert automaton.first[-1] == len(automaton.source)


def test_samples_depend_on_the_random_numbers_alone() -> None:
    first, again, other = (tiny().sample(20, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first == again != other
    assert tiny().sample(0, np.random.default_rng(1)) == []

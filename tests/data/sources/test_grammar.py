"""The built-in grammar: its promises, its sentences, and its oracle against sums that are done by hand."""

from __future__ import annotations

from itertools import product
from math import exp, log

import numpy as np
import pytest
import torch
from torch import Tensor

from textgan.data.sources.grammar import Grammar, examples, load
from textgan.data.sources.grammar.automaton import Automaton
from textgan.data.sources.grammar.compiler import compile_rules
from textgan.data.sources.grammar.english import WORDS
from textgan.data.sources.grammar.oracle import GrammarOracle
from textgan.data.sources.grammar.rules import read_rules
from textgan.data.tokenizers.base import Tokenizer
from textgan.data.tokenizers.builtin import bpe, word
from textgan.core.errors import UserError
from textgan.core.types import Vocabulary

TINY = """
Sentence = 3: Np.s runs | 1: Np.p run
Np.s = a Adj?25 Animal.s
Np.p = Animal.p
"""
TINY_WORDS = "Animal.sp: owl/owls cat/cats\nAdj: old"


def tiny(rules: str = TINY, words: str = TINY_WORDS) -> Automaton:
    return compile_rules(read_rules(rules, words, {}, {}))


@pytest.fixture(scope="module")
def sentences() -> list[str]:
    return load().draw(3000, np.random.default_rng(0))


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return word([" ".join(load().words)])


@pytest.fixture(scope="module")
def oracle(tokenizer: Tokenizer) -> GrammarOracle:
    return Grammar().oracle(tokenizer)


def encode(tokenizer: Tokenizer, texts: list[str], length: int = 20) -> tuple[Tensor, Tensor]:
    batch = tokenizer.batch(texts, length)
    return batch.tokens, batch.valid


# The grammar


def ambiguity(automaton: Automaton) -> list[str] | None:
    """The first words of a sentence with two derivations, or None if the language has no such sentence.

    Follows every pair of different paths that say the same words. An end can be reached from every node, so
    such a pair makes a sentence with two derivations as soon as both meet in a node, or both may end.
    """
    arcs: list[list[tuple[int, int]]] = [[] for _ in automaton.end]
    for source, label, target in zip(automaton.source, automaton.label, automaton.target, strict=True):
        arcs[source].append((int(label), int(target)))
    spoken = automaton.emission > 0

    def shared(one: int, other: int) -> str | None:
        both = spoken[one] & spoken[other]
        return automaton.words[both.argmax()] if both.any() else None

    words = {(a, b): shared(a, b) for a, b in product(range(len(spoken)), repeat=2)}
    found: dict[tuple[int, int], list[str]] = {}
    pairs = [(n, n) for n in range(len(arcs))]
    while pairs:
        one, other = pairs.pop()
        said = found.get((one, other), [])
        if one != other and automaton.end[one] > 0 and automaton.end[other] > 0:
            return said
        for i, (label, target) in enumerate(arcs[one]):
            for next_label, next_target in arcs[other] if one != other else arcs[one][i + 1 :]:
                if (same := words[label, next_label]) is None:
                    continue
                pair = (min(target, next_target), max(target, next_target))
                if target == next_target:
                    return [*said, same]
                if pair not in found:
                    found[pair] = [*said, same]
                    pairs.append(pair)
    return None


def test_no_sentence_has_two_derivations() -> None:
    assert ambiguity(load()) is None


@pytest.mark.parametrize(
    "rules",
    [
        "Sentence = Animal.s sleeps | cat sleeps",
        "Sentence = fast?50 fast?50 cat",
        "Sentence = cat Animal.s | cat owl",
    ],
)
def test_two_derivations_are_noticed(rules: str) -> None:
    assert ambiguity(tiny(rules)) is not None


def test_every_rule_and_word_is_used() -> None:
    words = {
        form for line in WORDS.splitlines() for entry in line.rpartition(":")[2].split() for form in entry.split("/")
    }
    assert words - set(load().words) == {"-"}
    assert 300 <= len(load().words) <= 600


def test_sentences_have_3_to_16_words(sentences: list[str]) -> None:
    assert load().lengths() == (3, 16)
    lengths = {len(sentence.split()) for sentence in sentences}
    assert min(lengths) >= 3
    assert max(lengths) <= 16


def test_probabilities_sum_to_one() -> None:
    automaton = load()
    out = np.bincount(automaton.source, automaton.weight, minlength=len(automaton.end)) + automaton.end
    np.testing.assert_allclose(out, 1, atol=1e-9)
    np.testing.assert_allclose(automaton.emission.sum(1), 1, atol=1e-12)
    assert (automaton.target < automaton.source).all()


def test_entropy_and_length_are_those_of_the_samples(
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
    drawn = automaton.draw(40_000, np.random.default_rng(0))
    assert set(drawn) == set(expected)
    for sentence, p in expected.items():
        assert drawn.count(sentence) / len(drawn) == pytest.approx(p, abs=0.01)
    length, nats = automaton.expectations()
    assert nats == pytest.approx(-sum(p * log(p) for p in expected.values()))
    assert length == pytest.approx(sum(p * len(sentence.split()) for sentence, p in expected.items()))
    assert automaton.lengths() == (2, 4)


def test_equal_futures_are_one_node() -> None:
    automaton = tiny("Sentence = One | Two\nOne = cat Rest\nTwo = owls Rest\nRest = runs fast | sleeps", "")
    assert len(automaton.end) == 4  # the start, what may follow either animal, "fast", the end


def test_articles(sentences: list[str]) -> None:
    pairs = [pair for s in sentences for pair in zip(s.split(), s.split()[1:], strict=False)]
    assert all(second[0] in "aeiou" for first, second in pairs if first == "an")
    assert all(second[0] not in "aeiou" for first, second in pairs if first == "a")


def test_examples_are_for_people() -> None:
    assert len(examples()) == 10
    assert examples(3, seed=1) == examples(3, seed=1) != examples(3, seed=2)


# The source


def test_splits_are_disjoint_and_of_the_sizes_asked_for() -> None:
    raw = Grammar(sentences=3000, validation=300, test=500).read(seed=1)
    assert [len(raw.train), len(raw.validation), len(raw.test)] == [3000, 300, 500]
    assert not set(raw.train) & set(raw.test)
    assert not set(raw.train) & set(raw.validation)
    assert not set(raw.validation) & set(raw.test)
    assert raw.notes["sentences of another split drawn anew"] > 0


def test_text_depends_on_the_seed_alone() -> None:
    grammar = Grammar(sentences=50, validation=20, test=30)
    assert grammar.read(seed=1) == grammar.read(seed=1)
    assert grammar.read(seed=1).train != grammar.read(seed=2).train
    assert Grammar(sentences=70, validation=10, test=30).read(seed=1).test == grammar.read(seed=1).test


def test_ten_thousand_sentences_hold_few_duplicates() -> None:
    train = Grammar().read(seed=0).train
    assert len(set(train)) > 0.98 * len(train)
    assert {word for sentence in train for word in sentence.split()} == set(load().words)


# The oracle


def tiny_oracle(slip: float) -> tuple[GrammarOracle, Automaton]:
    """pad 0, eos 1, an unknown word 2, then the words."""
    automaton = tiny("Sentence = runs?50 Animal.s", "Animal.sp: owl/owls cat/cats")
    ids: list[int | None] = [3 + i for i in range(len(automaton.words))]
    return GrammarOracle(automaton, ids, Vocabulary(6, bos=0, eos=1, pad=0, forbidden_ids=(0,)), slip), automaton


def by_hand(automaton: Automaton, words: list[int], slip: float, ids: int, ends: bool) -> float:
    """The oracle's definition as a recursion; ids that are no words are numbered -1."""

    def say(node: int, t: int) -> float:
        if t == len(words):
            return (1 - slip) * automaton.end[node] + slip / 2 if ends else 1.0
        total = 0.0
        for begin, share in ((node, 1 - slip), (automaton.start, slip / 2)):
            for arc in np.flatnonzero(automaton.source == begin):
                p = automaton.emission[automaton.label[arc], words[t]] if words[t] >= 0 else 0.0
                emits = (1 - slip) * p + slip / ids
                total += share * automaton.weight[arc] * emits * say(automaton.target[arc], t + 1)
        return total

    return say(automaton.start, 0)


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


def test_cut_and_ended_rows_are_a_distribution() -> None:
    oracle, _ = tiny_oracle(0.2)
    cut = torch.tensor(list(product(range(2, 6), repeat=4)))
    total = exp(float(oracle.log_prob(cut, torch.ones_like(cut, dtype=torch.bool)).logsumexp(0)))
    for length in range(4):
        ended = torch.tensor([[*words, 1] for words in product(range(2, 6), repeat=length)])
        total += exp(float(oracle.log_prob(ended, torch.ones_like(ended, dtype=torch.bool)).logsumexp(0)))
    assert total == pytest.approx(1, abs=1e-5)


def test_slips_cost_the_grammars_own_text_next_to_nothing(sentences: list[str], tokenizer: Tokenizer) -> None:
    tokens, valid = encode(tokenizer, sentences[:200])
    usual, strict = (Grammar(slip=slip).oracle(tokenizer).log_prob(tokens, valid) for slip in (1e-5, 1e-12))
    assert ((strict - usual) / valid.sum(1)).abs().max() < 3e-5


def test_grammatical(oracle: GrammarOracle, tokenizer: Tokenizer, sentences: list[str]) -> None:
    assert oracle.grammatical(*encode(tokenizer, sentences)).all()
    verdicts = {
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
    assert dict(zip(verdicts, oracle.grammatical(*encode(tokenizer, list(verdicts))).tolist(), strict=True)) == verdicts


def test_a_sentence_without_end_is_unfinished(oracle: GrammarOracle, tokenizer: Tokenizer) -> None:
    tokens, valid = encode(tokenizer, ["the owl is very happy ."], length=6)
    assert not oracle.grammatical(tokens, valid).any()
    whole, _ = encode(tokenizer, ["the owl is very happy ."], length=7)
    begun = oracle.log_prob(tokens[:, :5], valid[:, :5])  # a beginning is likelier than what it becomes
    assert (
        begun > oracle.log_prob(tokens, valid) > oracle.log_prob(whole, torch.ones_like(whole, dtype=torch.bool)) - 1e-5
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


def test_rows_are_scored_each_for_itself(oracle: GrammarOracle, tokenizer: Tokenizer, sentences: list[str]) -> None:
    tokens, valid = encode(tokenizer, sentences[:300])
    together = oracle.log_prob(tokens, valid)
    tokens[~valid] = torch.randint(tokenizer.vocab.size, tokens[~valid].shape)
    torch.testing.assert_close(oracle.log_prob(tokens.flip(0), valid.flip(0)).flip(0), together)
    assert oracle.log_prob(tokens[:0], valid[:0]).shape == (0,)
    behind = tokens[:5].clone()
    behind[:, 17:] = 7
    all_valid = torch.ones_like(behind, dtype=torch.bool)
    torch.testing.assert_close(oracle.log_prob(behind, all_valid), together[:5])  # the first end counts


def test_a_mistake_costs_one_slip(oracle: GrammarOracle, tokenizer: Tokenizer) -> None:
    right, wrong = oracle.log_prob(
        *encode(
            tokenizer,
            ["the mayor reads a long letter in the garden .", "the mayor read a long letter in the garden ."],
        )
    )
    assert 10 < right - wrong < 20


def test_words_that_the_corpus_lacks_are_slips(oracle: GrammarOracle) -> None:
    few = word(["the owl sleeps . penguin"])
    small = Grammar().oracle(few)
    texts = ["the owl sleeps .", "the horse sleeps ."]
    first, second = small.log_prob(*encode(few, texts))
    assert first == pytest.approx(float(oracle.log_prob(*encode(word([" ".join(load().words)]), texts))[0]), abs=1e-3)
    assert first - second > 8
    assert small.grammatical(*encode(few, texts)).tolist() == [True, False]
    assert small.entropy == oracle.entropy


def test_pieces_of_words_are_refused(sentences: list[str]) -> None:
    with pytest.raises(UserError, match="whole words"):
        Grammar().oracle(bpe(sentences, vocab_size=300))

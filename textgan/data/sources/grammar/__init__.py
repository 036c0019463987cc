"""Generates English sentences from the built-in grammar; their distribution is known exactly."""

from __future__ import annotations

from collections.abc import Container
from functools import cache

import numpy as np

from textgan.core.errors import UserError
from textgan.core.options import Annotated, Gt, Lt, PositiveInt
from textgan.data.interfaces import Raw, Source
from textgan.data.sources.grammar import english
from textgan.data.sources.grammar.automaton import Automaton
from textgan.data.sources.grammar.compiler import compile_rules
from textgan.data.sources.grammar.oracle import GrammarOracle
from textgan.data.sources.grammar.rules import read_rules
from textgan.data.tokenizers.base import Tokenizer


class Grammar(Source):
    """Samples everyday English sentences of 3 to 16 words from a grammar that scores any sentence.

    Sentences are in lower case, with spaces around words and punctuation. No sentence has two derivations, so its
    probability is exact, and so is the entropy.

    The test split is sampled first, so it is unbiased and the same for any `sentences` and `validation`. A sentence of
    a later split that is in an earlier one is sampled again: splits are disjoint, although a split may repeat its own
    sentences. This replaces about 1 in 400 sentences of the training text.

    Args:
        sentences: number of sentences to sample for training.
        validation: number of sentences to sample for validation.
        test: number of sentences to sample for testing.
        slip: the rate of wrong words and wrong ends in the oracle's distribution. A mistake in a sentence then costs
            about 18 nats instead of infinitely many. The text itself has no mistakes.
    """

    capabilities = frozenset({"oracle", "grammar"})
    output_type = "text"

    def __init__(
        self,
        sentences: PositiveInt = 10000,
        validation: PositiveInt = 1000,
        test: PositiveInt = 2000,
        slip: Annotated[float, Gt(0), Lt(1)] = 1e-5,
    ) -> None:
        self.sentences, self.validation, self.test, self.slip = sentences, validation, test, slip

    def read(self, seed: int) -> Raw:
        """Samples the sentences of all splits."""
        automaton, streams = load(), np.random.default_rng(seed).spawn(3)
        test, _ = _sample(automaton, self.test, streams[0], frozenset())
        validation, repeated = _sample(automaton, self.validation, streams[1], taken := set(test))
        train, more = _sample(automaton, self.sentences, streams[2], taken | set(validation))
        return Raw(train, validation, test, notes={"sentences of another split sampled again": repeated + more})

    def oracle(self, tokenizer: Tokenizer) -> GrammarOracle:
        """Returns the grammar as a distribution over the tokenizer's ids.

        Raises:
            UserError: if the tokenizer splits words.
        """
        words = load().words
        ids = [row[0] if len(row) == 1 else None for row in tokenizer.encode(words)]
        (line,) = tokenizer.encode([" ".join(words)])
        if line != ids:
            raise UserError(
                "data=grammar: the oracle scores whole words, but this tokenizer splits some; use tokenizer=word"
            )
        known = [None if id_ == tokenizer.unk else id_ for id_ in ids]
        return GrammarOracle(load(), known, tokenizer.vocab, self.slip)


@cache
def load() -> Automaton:
    """Returns the compiled grammar of `english`."""
    return compile_rules(read_rules(english.RULES, english.WORDS, english.AGREEMENT, english.SETS))


def examples(count: int = 10, seed: int = 0) -> list[str]:
    """Samples a few sentences, for people to read."""
    return load().sample(count, np.random.default_rng(seed))


def _sample(automaton: Automaton, count: int, rng: np.random.Generator, taken: Container[str]) -> tuple[list[str], int]:
    """Samples sentences that are not in `taken`; also returns how many were rejected."""
    sentences: list[str] = []
    sampled = 0
    while len(sentences) < count:
        found = automaton.sample(count - len(sentences), rng)
        sampled += len(found)
        sentences += [sentence for sentence in found if sentence not in taken]
    return sentences, sampled - count

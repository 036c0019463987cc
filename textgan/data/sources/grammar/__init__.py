"""The built-in data: English sentences from a grammar, so that their distribution is known exactly."""

from __future__ import annotations

from collections.abc import Container
from functools import cache

import numpy as np

from textgan.data.sources.grammar import english
from textgan.data.sources.grammar.automaton import Automaton
from textgan.data.sources.grammar.compiler import compile_rules
from textgan.data.sources.grammar.oracle import GrammarOracle
from textgan.data.sources.grammar.rules import read_rules
from textgan.data.tokenizers.base import Tokenizer
from textgan.core.errors import UserError
from textgan.core.options import Annotated, Gt, Lt, PositiveInt
from textgan.data.interfaces import Raw, Source


class Grammar(Source):
    """Everyday English sentences of 3 to 16 words, drawn from a grammar that can score any sentence.

    Lower case; words and punctuation stand between spaces. No sentence has two derivations, so its
    probability is exact, and so is the entropy.

    The test split is drawn first, so it is an honest sample, and the same for any `sentences` and
    `validation`. A sentence of a later split that an earlier one holds is drawn anew: splits are disjoint,
    though a split may repeat its own sentences. This takes about 1 in 400 sentences out of the training
    text.

    Args:
        sentences: how many to draw for training.
        validation: how many to draw for validation.
        test: how many to draw for testing.
        slip: the rate of wrong words and wrong ends that the oracle allows for, so that a sentence outside
            the grammar costs about 18 nats a mistake and not infinitely many; the text itself has none.
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
        automaton, streams = load(), np.random.default_rng(seed).spawn(3)
        test, _ = _sample(automaton, self.test, streams[0], frozenset())
        validation, again = _sample(automaton, self.validation, streams[1], taken := set(test))
        train, anew = _sample(automaton, self.sentences, streams[2], taken | set(validation))
        return Raw(train, validation, test, notes={"sentences of another split drawn anew": again + anew})

    def oracle(self, tokenizer: Tokenizer) -> GrammarOracle:
        """The grammar over the tokenizer's ids.

        Raises:
            UserError: if the tokenizer cuts words into pieces.
        """
        words = load().words
        ids = [row[0] if len(row) == 1 else None for row in tokenizer.encode(words)]
        (line,) = tokenizer.encode([" ".join(words)])
        if line != ids:
            raise UserError(
                "the data `grammar` scores whole words, but this tokenizer writes some of them in pieces; "
                "use the tokenizer `word`"
            )
        known = [None if id_ == tokenizer.unk else id_ for id_ in ids]
        return GrammarOracle(load(), known, tokenizer.vocab, self.slip)


@cache
def load() -> Automaton:
    """The grammar of `english`, compiled once."""
    return compile_rules(read_rules(english.RULES, english.WORDS, english.AGREEMENT, english.SETS))


def examples(count: int = 10, seed: int = 0) -> list[str]:
    """Some sentences, for people to read."""
    return load().sample(count, np.random.default_rng(seed))


def _sample(automaton: Automaton, count: int, rng: np.random.Generator, taken: Container[str]) -> tuple[list[str], int]:
    """`count` sentences that are not taken, and how many were drawn in vain."""
    sentences: list[str] = []
    drawn = 0
    while len(sentences) < count:
        found = automaton.sample(count - len(sentences), rng)
        drawn += len(found)
        sentences += [sentence for sentence in found if sentence not in taken]
    return sentences, drawn - count

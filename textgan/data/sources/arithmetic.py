"""Arithmetic on one variable, the toy language of the first Gumbel-softmax GAN."""

from __future__ import annotations

from math import comb

import numpy as np
from numpy.typing import NDArray

from textgan.data.sources.grammar.automaton import Automaton
from textgan.data.sources.grammar.oracle import GrammarOracle
from textgan.data.tokenizers.base import Tokenizer, wrap
from textgan.core.options import Annotated, Gt, Lt, PositiveInt, Sequence
from textgan.data.interfaces import Raw, Source
from textgan.core.types import Vocabulary

FILL, OPERATORS, VARIABLE = "_", ("*", "+", "-", "/"), "x"
WORDS = tuple(sorted((FILL, *OPERATORS, VARIABLE)))


class Arithmetic(Source):
    """Terms such as x + x * x, drawn from S -> x | S + S | S - S | S * S | S / S and no longer than so many tokens.

    The toy data of Kusner & Hernandez-Lobato 2016 (arXiv:1611.04051). The grammar is ambiguous: a term of n variables
    has as many derivations as there are binary trees with n leaves, and all of them count for its probability,

        p(term) = C(n - 1) leaf^n ((1 - leaf) / 4)^(n - 1) / Z,

    with Catalan's numbers C(0), C(1), ... = 1, 1, 2, 5, 14, 42, ... and Z the same sum over all terms of allowed
    length. So the oracle and its entropy are exact. Whatever `leaf` is, short terms are likely: a bare x makes up two
    thirds of the text or more unless `shortest` leaves it out.

    Splits are drawn independently. The language is small, 1,365 terms of up to 12 tokens, so that a term may stand in
    all of them.

    Args:
        sentences: how many terms to draw for training; 5,000 in the paper.
        validation: how many to draw for validation.
        test: how many to draw for testing.
        longest: most tokens in a term; 12 in the paper, where 11 are the most that a term can use of them.
        shortest: fewest tokens in a term.
        leaf: probability of S -> x; the other four productions share the rest alike.
        fill: whether shorter terms are filled up with the word _ to `longest` tokens, and there is no
            end-of-sequence id: all have one length, and where a term ends is a choice between words like any other.
        slip: the oracle's rate of wrong words and wrong ends, as that of the data `grammar`.
    """

    capabilities = frozenset({"oracle", "grammar"})
    output_type = "ids"

    def __init__(
        self,
        sentences: PositiveInt = 5000,
        validation: PositiveInt = 1000,
        test: PositiveInt = 2000,
        longest: PositiveInt = 12,
        shortest: PositiveInt = 1,
        leaf: Annotated[float, Gt(0), Lt(1)] = 0.2,
        fill: bool = False,
        slip: Annotated[float, Gt(0), Lt(1)] = 1e-5,
    ) -> None:
        least, most = shortest // 2 + 1, (longest + 1) // 2  # variables: a term of n has 2 n - 1 tokens
        if least > most:
            raise ValueError(f"no term has at least {shortest} and at most {longest} tokens; terms have 1, 3, 5, ...")
        self.sizes = sentences, validation, test
        self.slip = slip
        self.words = [word for word in WORDS if fill or word != FILL]
        self.end = not fill
        self.automaton = _automaton(variables(leaf, least, most), longest if fill else 0)

    def read(self, seed: int) -> Raw:
        train, validation, test = (
            self.automaton.sample(size, stream)
            for size, stream in zip(self.sizes, np.random.default_rng(seed).spawn(3), strict=True)
        )
        return Raw(train, validation, test, _tokenizer(self.words, self.end))

    def oracle(self, tokenizer: Tokenizer) -> GrammarOracle:
        """The law of the terms over the tokenizer's ids."""
        ids = {word: row[0] for word, row in zip(self.words, tokenizer.encode(self.words), strict=True)}
        return GrammarOracle(self.automaton, [ids.get(word) for word in WORDS], tokenizer.vocab, self.slip)


def variables(leaf: float, least: int, most: int) -> NDArray[np.float64]:
    """The probability of n variables in a term, [most + 1]: 0 below `least`, and what a longer term had is shared."""
    n = np.arange(most + 1)
    trees = np.array([0, *(comb(2 * k, k) // (k + 1) for k in range(most))], dtype=np.float64)
    weight = np.where(n >= least, trees * leaf**n * (1 - leaf) ** np.maximum(n - 1, 0), 0.0)
    law: NDArray[np.float64] = weight / weight.sum()
    return law


def _automaton(law: NDArray[np.float64], length: int) -> Automaton:
    """Terms of n variables with probability law[n], filled up to `length` tokens.

    Nodes: what is left to fill, 0 .. most; behind them, from the last variable to the first, the place behind a
    variable and the place before it.
    """
    most = len(law) - 1
    fills = max(0, length - 1)  # at most, behind a bare x
    emission = np.array(
        [
            [word == VARIABLE for word in WORDS],
            [0.25 * (word in OPERATORS) for word in WORDS],
            [word == FILL for word in WORDS],
        ],
        dtype=np.float64,
    )
    end = np.zeros(fills + 1 + 2 * most)
    end[0] = 1
    arcs = [(k, 2, k - 1, 1.0) for k in range(1, fills + 1)]  # source, class, target, weight
    for n in range(most, 0, -1):
        behind = fills + 1 + 2 * (most - n)
        left = max(0, length - (2 * n - 1))
        stop = law[n] / law[n:].sum()
        if left:
            arcs.append((behind, 2, left - 1, stop))
        else:
            end[behind] = stop
        if n < most:
            arcs.append((behind, 1, behind - 1, 1 - stop))
        arcs.append((behind + 1, 0, behind, 1.0))
    source, label, target, weight = zip(*(arc for arc in arcs if arc[3] > 0), strict=True)
    return Automaton(
        WORDS, emission, np.array(source), np.array(label), np.array(target), np.array(weight, dtype=np.float64), end
    )


def _tokenizer(words: Sequence[str], end: bool) -> Tokenizer:
    """Words as they stand between spaces, and an end-of-sequence id or none."""
    from tokenizers import Tokenizer as Backend
    from tokenizers import models, pre_tokenizers

    names = ["<pad>", "<bos>", *(["<eos>"] if end else []), *words]
    backend = Backend(
        models.WordLevel({name: id_ for id_, name in enumerate(names)}, unk_token="<unk>")
    )  # which has none
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return wrap(backend, Vocabulary(len(names), bos=1, eos=2 if end else None, pad=0, forbidden_ids=(0, 1)))

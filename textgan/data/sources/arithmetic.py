"""Generates arithmetic terms with one variable, the toy language of the first Gumbel-softmax GAN."""

from __future__ import annotations

from math import comb

import numpy as np
from numpy.typing import NDArray

from textgan.core.options import Annotated, Gt, Lt, PositiveInt, Sequence
from textgan.core.types import Vocabulary
from textgan.data.interfaces import Raw, Source
from textgan.data.sources.grammar.automaton import Automaton
from textgan.data.sources.grammar.oracle import GrammarOracle
from textgan.data.tokenizers.base import Tokenizer, wrap

FILL, OPERATORS, VARIABLE = "_", ("*", "+", "-", "/"), "x"
WORDS = tuple(sorted((FILL, *OPERATORS, VARIABLE)))


class Arithmetic(Source):
    """Samples terms such as x + x * x from S -> x | S + S | S - S | S * S | S / S, up to a number of tokens.

    This is the toy data of Kusner & Hernandez-Lobato 2016 (arXiv:1611.04051). The grammar is ambiguous: a term of n
    variables has as many derivations as there are binary trees with n leaves. Its probability is the sum over all of
    them,

        p(term) = C(n - 1) leaf^n ((1 - leaf) / 4)^(n - 1) / Z,

    with the Catalan numbers C(0), C(1), ... = 1, 1, 2, 5, 14, 42, ... and Z the sum over all terms of allowed length.
    The oracle and its entropy are therefore exact. Short terms are likely for any `leaf`: x alone makes up two thirds
    of the text or more unless `shortest` excludes it.

    Splits are sampled independently. The language is small: 1,365 terms of up to 12 tokens. Splits may share terms.

    Args:
        sentences: number of terms to sample for training; 5,000 in the paper.
        validation: number of terms to sample for validation.
        test: number of terms to sample for testing.
        longest: maximum number of tokens in a term; 12 in the paper, of which a term uses at most 11.
        shortest: minimum number of tokens in a term.
        leaf: probability of S -> x; the other four productions have equal shares of the rest.
        fill: whether to pad terms to `longest` tokens with the ordinary word _ instead of an end-of-sequence id. All
            sequences then have the same length, and the generator chooses the end of a term as it chooses a token.
        slip: the oracle's rate of wrong tokens and wrong ends, as for the data `grammar`.
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
            raise ValueError(
                f"data.shortest={shortest} data.longest={longest}: no term has such a length; terms have 1, 3, 5, ... "
                "tokens"
            )
        self.sizes = sentences, validation, test
        self.slip = slip
        self.words = [word for word in WORDS if fill or word != FILL]
        self.end = not fill
        self.automaton = _automaton(variables(leaf, least, most), longest if fill else 0)

    def read(self, seed: int) -> Raw:
        """Samples the terms of all splits."""
        train, validation, test = (
            self.automaton.sample(size, stream)
            for size, stream in zip(self.sizes, np.random.default_rng(seed).spawn(3), strict=True)
        )
        return Raw(train, validation, test, _tokenizer(self.words, self.end))

    def oracle(self, tokenizer: Tokenizer) -> GrammarOracle:
        """Returns the distribution of the terms over the tokenizer's ids."""
        ids = {word: row[0] for word, row in zip(self.words, tokenizer.encode(self.words), strict=True)}
        return GrammarOracle(self.automaton, [ids.get(word) for word in WORDS], tokenizer.vocab, self.slip)


def variables(leaf: float, least: int, most: int) -> NDArray[np.float64]:
    """Computes the probability of n variables in a term, [most + 1]: 0 below `least`, normalised up to `most`."""
    n = np.arange(most + 1)
    trees = np.array([0, *(comb(2 * k, k) // (k + 1) for k in range(most))], dtype=np.float64)
    weight = np.where(n >= least, trees * leaf**n * (1 - leaf) ** np.maximum(n - 1, 0), 0.0)
    p: NDArray[np.float64] = weight / weight.sum()
    return p


def _automaton(p: NDArray[np.float64], length: int) -> Automaton:
    """Builds the automaton of terms with n variables with probability p[n], padded to `length` tokens.

    Nodes 0 to `fills` are numbers of tokens still to fill. Two nodes for each variable follow, from the last variable
    to the first: the state after the variable, and the state before it.
    """
    most = len(p) - 1
    fills = max(0, length - 1)  # at most, after a term of a single x
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
        after = fills + 1 + 2 * (most - n)
        left = max(0, length - (2 * n - 1))
        stop = p[n] / p[n:].sum()
        if left:
            arcs.append((after, 2, left - 1, stop))
        else:
            end[after] = stop
        if n < most:
            arcs.append((after, 1, after - 1, 1 - stop))
        arcs.append((after + 1, 0, after, 1.0))
    source, label, target, weight = zip(*(arc for arc in arcs if arc[3] > 0), strict=True)
    return Automaton(
        WORDS, emission, np.array(source), np.array(label), np.array(target), np.array(weight, dtype=np.float64), end
    )


def _tokenizer(words: Sequence[str], end: bool) -> Tokenizer:
    """Returns a tokenizer that splits at spaces, with an end-of-sequence id or without one."""
    from tokenizers import Tokenizer as Backend
    from tokenizers import models, pre_tokenizers

    names = ["<pad>", "<bos>", *(["<eos>"] if end else []), *words]
    backend = Backend(
        models.WordLevel({name: id_ for id_, name in enumerate(names)}, unk_token="<unk>")
    )  # <unk> is not among the names: another word is an error
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return wrap(backend, Vocabulary(len(names), bos=1, eos=2 if end else None, pad=0, forbidden_ids=(0, 1)))

"""The roles around data, and what they do by default."""

from __future__ import annotations

import pytest
import torch

from textgan.data.interfaces import Blanks, Oracle, Raw, Source
from textgan.data.tokenizers.builtin import word


class Lines(Source):
    def read(self, seed: int) -> Raw:
        return Raw(["a"], [], [])


class Flat(Oracle):
    entropy = 0.0

    def log_prob(self, tokens: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
        return torch.zeros(len(tokens))


def test_a_source_is_text_without_a_known_distribution() -> None:
    source = Lines()
    assert source.oracle(word(["a"])) is None
    assert (source.capabilities, source.output_type) == (frozenset(), "text")
    assert source.read(0).tokenizer is None
    assert source.read(0).notes == {}


def test_an_oracle_has_no_grammar_unless_it_says_so() -> None:
    tokens = torch.zeros(2, 3, dtype=torch.long)
    with pytest.raises(NotImplementedError, match="Flat has no grammar"):
        Flat().grammatical(tokens, tokens == 0)


@pytest.mark.parametrize("role", [Blanks, Oracle, Source])
def test_roles_are_abstract(role: type) -> None:
    with pytest.raises(TypeError, match="abstract"):
        role()

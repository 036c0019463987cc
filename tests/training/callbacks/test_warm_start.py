"""The discriminator begins with what the generator knows: when, what, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from textgan.training.callbacks.warm_start import WarmStart
from textgan.discriminators.text_cnn import TextCnn
from textgan.discriminators.token_lstm import TokenLstm
from textgan.core.errors import UserError
from textgan.generators.lstm import Lstm
from textgan.core.roles import Discriminator, Generator
from textgan.training.loop import Phase, Progress, RoundResult
from textgan.core.types import Samples, Scores, Vocabulary
from textgan_plugins.maskgan.discriminator import TokenAttention
from textgan_plugins.maskgan.generator import Infill

VOCAB = Vocabulary(5, bos=1, eos=2, pad=0, forbidden_ids=(0, 1))
PHASES = [Phase("likelihood", 2, []), Phase("judge", 2, [])]


PAIRS = [(Lstm, TokenLstm), (Infill, TokenAttention)]


def players(pair: tuple[type[Generator], type[Discriminator]]) -> tuple[Generator, Discriminator]:
    torch.manual_seed(0)
    first, second = (kind(VOCAB, embed_dim=6, hidden_dim=6) for kind in pair)  # type: ignore[call-arg]
    return first, second  # type: ignore[return-value]


class Deaf(Discriminator):
    """It has no part that a generator has."""

    def forward(self, samples: Samples) -> Scores:
        raise NotImplementedError


def cnn(**options: Any) -> TextCnn:
    return TextCnn(VOCAB, widths=(1,), filters=2, **options)


def differing(one: nn.Module, other: nn.Module) -> set[str]:
    theirs = other.state_dict()
    return {k.split(".")[0] for k, v in one.state_dict().items() if k not in theirs or not torch.equal(v, theirs[k])}


@pytest.mark.parametrize("pair", PAIRS)
def test_all_but_the_judging_is_taken_over_at_the_end_of_the_phase_and_then_goes_its_own_way(
    pair: tuple[type[Generator], type[Discriminator]],
) -> None:
    generator, judge = players(pair)
    callback = WarmStart("likelihood", generator, judge)
    callback(RoundResult(Progress(0, 1, 1), PHASES, {}))
    assert "embedding" in differing(judge, generator), "the phase is not over"
    callback(RoundResult(Progress(0, 2, 2), PHASES, {}))
    assert differing(judge, generator) == {"output"}
    with torch.no_grad():
        for parameter in judge.parameters():
            parameter.add_(1)
    assert "embedding" in differing(judge, generator), "a copy, no shared weights"
    for place in (Progress(1, 1, 3), Progress(1, 2, 4)):
        callback(RoundResult(place, PHASES, {}))
        assert "embedding" in differing(judge, generator), "what the discriminator learned must not be undone"


def test_vectors_of_words_are_turned_to_the_length_of_the_discriminators() -> None:
    generator, _ = players(PAIRS[0])
    words = generator.shared_weights()["embedding.weight"]  # [5,6], so that 5 components hold all of it
    products = words @ words.t()
    for size in (5, 6, 9):
        judge = cnn(embed_dim=size)
        WarmStart("likelihood", generator, judge)(RoundResult(Progress(0, 2, 2), PHASES, {}))
        taken = judge.embedding.weight
        assert taken.shape == (5, size)
        torch.testing.assert_close(taken @ taken.t(), products)
    best = cnn(embed_dim=3)
    WarmStart("likelihood", generator, best)(RoundResult(Progress(0, 2, 2), PHASES, {}))
    missed = (best.embedding.weight @ best.embedding.weight.t() - products).norm()
    left = torch.linalg.eigvalsh(products)[:2]  # what no 3 directions can hold (Eckart and Young)
    torch.testing.assert_close(missed, left.norm())


def test_a_normalised_embedding_takes_them_too() -> None:
    generator, _ = players(PAIRS[0])
    judge = cnn(embed_dim=6, spectral_norm=True)
    WarmStart("likelihood", generator, judge)(RoundResult(Progress(0, 2, 2), PHASES, {}))
    kept = judge.state_dict()["embedding.parametrizations.weight.original"]
    assert torch.equal(kept, generator.shared_weights()["embedding.weight"])


def test_a_transformer_has_the_vectors_that_it_reads() -> None:
    pytest.importorskip("transformers")
    from textgan.generators.causal_lm import CausalLm

    generator, judge = CausalLm(VOCAB, layers=1, heads=2, hidden_dim=8), cnn(embed_dim=8)
    WarmStart("likelihood", generator, judge)(RoundResult(Progress(0, 2, 2), PHASES, {}))
    assert torch.equal(judge.embedding.weight, generator.model.get_input_embeddings().weight)


def test_players_that_have_nothing_alike_are_refused() -> None:
    generator, _ = players(PAIRS[0])
    with pytest.raises(UserError, match="no part of the same name and shape"):
        WarmStart("likelihood", generator, Deaf())

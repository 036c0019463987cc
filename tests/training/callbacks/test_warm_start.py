"""Copying the generator's weights to the discriminator: when, which, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from textgan.core.errors import UserError
from textgan.core.roles import Discriminator, Generator
from textgan.core.types import Samples, Scores, Vocabulary
from textgan.discriminators.text_cnn import TextCnn
from textgan.discriminators.token_lstm import TokenLstm
from textgan.generators.lstm import Lstm
from textgan.training.callbacks.warm_start import WarmStart
from textgan.training.loop import Phase, Progress, RoundResult
from textgan_plugins.maskgan.discriminator import TokenAttention
from textgan_plugins.maskgan.generator import Infill

VOCAB = Vocabulary(5, bos=1, eos=2, pad=0, forbidden_ids=(0, 1))
PHASES = [Phase("likelihood", 2, []), Phase("discriminator", 2, [])]


PAIRS = [(Lstm, TokenLstm), (Infill, TokenAttention)]


def players(pair: tuple[type[Generator], type[Discriminator]]) -> tuple[Generator, Discriminator]:
    torch.manual_seed(0)
    first, second = (kind(VOCAB, embed_dim=6, hidden_dim=6) for kind in pair)  # type: ignore[call-arg]
    return first, second  # type: ignore[return-value]


class Unrelated(Discriminator):
    """Has no part in common with a generator."""

    def forward(self, samples: Samples) -> Scores:
        raise NotImplementedError


def cnn(**options: Any) -> TextCnn:
    return TextCnn(VOCAB, widths=(1,), filters=2, **options)


def differing(one: nn.Module, other: nn.Module) -> set[str]:
    """Names of the parts of the first module that are not equal in the second."""
    rest = other.state_dict()
    return {k.split(".")[0] for k, v in one.state_dict().items() if k not in rest or not torch.equal(v, rest[k])}


@pytest.mark.parametrize("pair", PAIRS)
def test_all_but_the_output_is_copied_once_at_the_end_of_the_phase(
    pair: tuple[type[Generator], type[Discriminator]],
) -> None:
    generator, discriminator = players(pair)
    callback = WarmStart("likelihood", generator, discriminator)
    callback(RoundResult(Progress(0, 1, 1), PHASES, {}))
    assert "embedding" in differing(discriminator, generator), "the phase is not over"
    callback(RoundResult(Progress(0, 2, 2), PHASES, {}))
    assert differing(discriminator, generator) == {"output"}
    with torch.no_grad():
        for parameter in discriminator.parameters():
            parameter.add_(1)
    assert "embedding" in differing(discriminator, generator), "the weights must be copied, not shared"
    for progress in (Progress(1, 1, 3), Progress(1, 2, 4)):
        callback(RoundResult(progress, PHASES, {}))
        assert "embedding" in differing(discriminator, generator), "later rounds must not overwrite the discriminator"


def test_embeddings_are_projected_to_the_discriminators_size() -> None:
    generator, _ = players(PAIRS[0])
    embedding = generator.shared_weights()["embedding.weight"]  # [5,6], so 5 components represent it exactly
    products = embedding @ embedding.t()
    for size in (5, 6, 9):
        discriminator = cnn(embed_dim=size)
        WarmStart("likelihood", generator, discriminator)(RoundResult(Progress(0, 2, 2), PHASES, {}))
        copied = discriminator.embedding.weight
        assert copied.shape == (5, size)
        torch.testing.assert_close(copied @ copied.t(), products)
    best = cnn(embed_dim=3)
    WarmStart("likelihood", generator, best)(RoundResult(Progress(0, 2, 2), PHASES, {}))
    error = (best.embedding.weight @ best.embedding.weight.t() - products).norm()
    smallest = torch.linalg.eigvalsh(products)[:2]  # the error of the best rank-3 approximation (Eckart and Young)
    torch.testing.assert_close(error, smallest.norm())


def test_an_embedding_under_a_spectral_norm_is_copied() -> None:
    generator, _ = players(PAIRS[0])
    discriminator = cnn(embed_dim=6, spectral_norm=True)
    WarmStart("likelihood", generator, discriminator)(RoundResult(Progress(0, 2, 2), PHASES, {}))
    copied = discriminator.state_dict()["embedding.parametrizations.weight.original"]
    assert torch.equal(copied, generator.shared_weights()["embedding.weight"])


def test_the_input_embeddings_of_a_transformer_are_copied() -> None:
    pytest.importorskip("transformers")
    from textgan.generators.causal_lm import CausalLm

    generator, discriminator = CausalLm(VOCAB, layers=1, heads=2, hidden_dim=8), cnn(embed_dim=8)
    WarmStart("likelihood", generator, discriminator)(RoundResult(Progress(0, 2, 2), PHASES, {}))
    assert torch.equal(discriminator.embedding.weight, generator.model.get_input_embeddings().weight)


def test_players_without_a_common_part_are_refused() -> None:
    generator, _ = players(PAIRS[0])
    with pytest.raises(UserError, match="no part of the same name and shape"):
        WarmStart("likelihood", generator, Unrelated())

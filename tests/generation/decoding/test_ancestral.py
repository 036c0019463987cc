from __future__ import annotations

from typing import Any

import pytest
import torch
from support.chances import p_value
from torch import Tensor

from textgan.core.types import Batch, Vocabulary
from textgan.generation.decoding.ancestral import Ancestral
from textgan.generators.latent import Latent
from textgan.testing import TabularGenerator, tiny_vocabulary

COUNT = 8000


def first_tokens(options: dict[str, Any], seed: int = 0) -> tuple[Tensor, Tensor]:
    """Generates sequences; returns their first tokens [N] and the probabilities of these at temperature 1, [V]."""
    generator = TabularGenerator(tiny_vocabulary(5), 3, spread=1.5, seed=3)
    torch.manual_seed(seed)
    with torch.no_grad():
        tokens = Ancestral(**options)(generator, Batch.blank(COUNT, 3)).x[:, 0]
        logits = generator.head(generator.features(Batch.blank(1, 3)))[0, 0]
    return tokens, logits.softmax(0)


def test_by_default_it_samples_from_the_generators_distribution() -> None:
    tokens, probability = first_tokens({})
    assert p_value(tokens, probability) > 1e-3


@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_temperature_divides_the_logits(temperature: float) -> None:
    tokens, probability = first_tokens({"temperature": temperature})
    power = probability ** (1 / temperature)
    assert p_value(tokens, power / power.sum()) > 1e-3


def test_temperature_0_takes_the_most_likely_token() -> None:
    tokens, probability = first_tokens({"temperature": 0.0})
    assert (tokens == probability.argmax()).all()


def test_top_k_and_top_p_truncate_the_distribution() -> None:
    tokens, probability = first_tokens({"top_k": 2})
    assert set(tokens.tolist()) == set(probability.topk(2).indices.tolist())
    ordered, ids = probability.sort(descending=True)
    tokens, _ = first_tokens({"top_p": float(ordered[:3].sum()) - 1e-3})
    assert set(tokens.tolist()) == set(ids[:3].tolist())


@torch.no_grad()
def test_given_tokens_are_kept() -> None:
    batch = Batch.blank(6, 3)
    batch.tokens[:, 1] = 2
    batch.given[:, 1] = True
    samples = Ancestral(0.7)(TabularGenerator(tiny_vocabulary(4), 3), batch)
    assert (samples.x[:, 1] == 2).all()
    assert torch.equal(samples.chosen, samples.valid & ~batch.given)


@torch.no_grad()
def test_latent_samples_are_decoded_to_ids() -> None:
    vocab = Vocabulary(7, bos=1, eos=2, pad=0, forbidden_ids=(0, 1))
    generator = Latent(vocab, embed_dim=4, hidden_dim=5, code_dim=3, mapper_blocks=1).eval()
    samples = Ancestral()(generator, Batch.blank(4, 5))
    assert samples.x.shape == (4, 5)
    assert samples.x.dtype == torch.long


@pytest.mark.parametrize("options", [{"temperature": -0.5}, {"top_k": 0}, {"top_p": 1.5}])
def test_options_out_of_range_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"^{next(iter(options))}=.*out of range"):
        Ancestral(**options)

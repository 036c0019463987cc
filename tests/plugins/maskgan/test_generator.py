"""MaskGAN's generator: what it conditions on, what it keeps, and its likelihood."""

from __future__ import annotations

import pytest
import torch
from support.chances import p_value
from torch import Tensor

from textgan.nn.lstm import LSTM
from textgan.testing import check_generator, enumerate_sequences
from textgan.types import Batch, Samples, Vocabulary
from textgan_plugins.maskgan.generator import Infill

VOCAB = Vocabulary(5, bos=1, eos=2, pad=0, forbidden_ids=(0, 1))
TINY: dict[str, object] = {"embed_dim": 4, "hidden_dim": 6}


def make(**options: object) -> Infill:
    """Returns a generator with distributions that are far from uniform and depend on the given tokens."""
    torch.manual_seed(0)
    generator = Infill(VOCAB, **{**TINY, **options}).eval()  # type: ignore[arg-type]
    with torch.no_grad():
        for parameter in generator.parameters():
            parameter.add_(torch.randn_like(parameter))
    return generator


@pytest.mark.parametrize(
    "options", [{}, {"layers": 2}, {"tied": False, "dropout": 0.5}, {"aligned": False}], ids=lambda o: str(o)
)
def test_it_meets_the_contract(options: dict[str, object]) -> None:
    check_generator(lambda vocab: Infill(vocab, **{**TINY, **options}))  # type: ignore[arg-type]


def key(ids: Tensor) -> Tensor:
    return (ids * VOCAB.size ** torch.arange(ids.shape[1])).sum(1)


@torch.no_grad()
@pytest.mark.parametrize("aligned", [True, False])
@pytest.mark.parametrize("positions", [[], [0], [1], [3], [1, 2], [0, 3]])
def test_fillings_follow_the_distribution_of_log_prob(positions: list[int], aligned: bool) -> None:
    """By enumeration, with given tokens in the middle: probabilities sum to 1, and samples follow them."""
    generator, count = make(aligned=aligned), 8000
    batch = Batch.blank(count, 4)
    batch.tokens[:, positions] = 3
    batch.given[:, positions] = True
    sampled = generator.sample(batch)
    assert bool((sampled.x[:, positions] == 3).all()), "given tokens must be kept, also after a blank"
    assert torch.equal(sampled.chosen, sampled.valid & ~batch.given)

    every = enumerate_sequences(VOCAB, 4)
    kept = (every.x[:, positions] == 3).all(1) & every.valid[:, positions].all(1)
    blank = torch.ones(4, dtype=torch.bool)
    blank[positions] = False
    every = Samples(every.x[kept], every.valid[kept], every.valid[kept] & blank)
    probability = (generator.log_prob(every) * every.chosen).sum(1).exp()
    assert probability.sum().item() == pytest.approx(1, abs=1e-4)
    keys, order = key(every.x).sort()
    index = torch.searchsorted(keys, key(sampled.x)).clamp_max(len(keys) - 1)
    assert torch.equal(keys[index], key(sampled.x)), "a sampled text has probability 0"
    assert p_value(order[index], probability) > 1e-3


@torch.no_grad()
def test_a_given_end_ends_the_text() -> None:
    batch = Batch.blank(500, 5)
    batch.tokens[:, 3], batch.given[:, 3] = VOCAB.eos, True  # type: ignore[call-overload]
    sampled = make().sample(batch)
    assert bool((sampled.valid.sum(1) == 4).all())
    assert bool((sampled.x[:, :3] > 2).all())


@torch.no_grad()
@pytest.mark.parametrize("layers", [1, 2])
def test_the_state_depends_on_given_tokens_only(layers: int) -> None:
    generator = make(layers=layers)
    every = enumerate_sequences(VOCAB, 4)
    given = torch.zeros_like(every.valid)
    given[:, 0] = True
    one = generator.start(Batch(every.x.where(given, torch.tensor(3)), every.valid, given))
    other = generator.start(Batch(every.x, torch.ones_like(every.valid), given))
    for part, same in zip(one, other, strict=True):
        assert torch.equal(part, same), "the length or a blanked token has leaked"


@torch.no_grad()
def test_given_tokens_after_a_blank_matter() -> None:
    generator, batch = make(), Batch.blank(2, 3)
    batch.given[:, 2] = True
    batch.tokens[:, 2] = torch.tensor([3, 4])
    first = generator.head(generator.features(batch))[:, 0].softmax(1)
    assert not torch.allclose(first[0], first[1], atol=1e-2)


@torch.no_grad()
def test_token_by_token_equals_one_pass() -> None:
    generator = make(layers=2)
    batch = Batch(torch.tensor([[3, 4, 3, 2]]), torch.ones(1, 4).bool(), torch.tensor([[0, 0, 1, 0]]).bool())
    state, features_of_each = generator.start(batch), []
    for token in (VOCAB.bos, 3, 4, 3):
        features, state = generator.read(torch.tensor([[token]]), state)
        features_of_each.append(features)
    torch.testing.assert_close(torch.cat(features_of_each, 1), generator.features(batch))


def test_given_tokens_do_not_count_in_the_likelihood() -> None:
    generator = make()
    batch = Batch(torch.tensor([[3, 4, 4, 2]]), torch.ones(1, 4).bool(), torch.tensor([[1, 0, 1, 1]]).bool())
    log_prob = generator.log_prob(generator.real(batch))
    assert generator.likelihood(batch).value.item() == pytest.approx(-log_prob[0, 1].item())


@torch.no_grad()
def test_no_token_of_a_real_text_is_masked_not_even_a_given_end() -> None:
    generator = make()
    batch = Batch(torch.tensor([[3, 4, 4, 2]]), torch.ones(1, 4).bool(), torch.tensor([[0, 1, 0, 1]]).bool())
    assert bool((generator.log_prob(generator.real(batch)) > -100).all())


def test_only_inputs_and_outputs_of_a_tied_model_share_a_table() -> None:
    tied, untied = Infill(VOCAB), Infill(VOCAB, tied=False)
    assert tied.output_embedding is tied.embedding
    assert untied.output_embedding is not untied.embedding


def test_an_odd_hidden_size_is_refused() -> None:
    with pytest.raises(ValueError, match="expected an even number"):
        Infill(VOCAB, hidden_dim=5)


def test_lstm_layers_stay_in_training_mode() -> None:
    """cuDNN has no backward pass for LSTM layers in evaluation mode."""
    generator = make().eval()
    assert not generator.training
    assert [m.training for m in generator.modules() if isinstance(m, LSTM)] == [True] * 3

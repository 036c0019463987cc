from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from textgan.core.types import Batch, Samples, Vocabulary
from textgan.generators.lstm import Lstm
from textgan.nn.lstm import LSTM
from textgan.ops import device
from textgan.testing import check_generator

VOCAB = Vocabulary(7, bos=1, eos=2, pad=0, forbidden_ids=(0, 1))


def sentences() -> Batch:
    tokens = torch.tensor([[3, 4, 5, 2], [6, 2, 0, 0], [2, 0, 0, 0]])
    valid = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0], [1, 0, 0, 0]], dtype=torch.bool)
    return Batch(tokens, valid, torch.zeros_like(valid))


def make(**options: object) -> Lstm:
    torch.manual_seed(0)
    return Lstm(VOCAB, **{"embed_dim": 4, "hidden_dim": 5, **options}).eval()  # type: ignore[arg-type]


@pytest.mark.parametrize("layers", [1, 2])
def test_it_meets_the_contract(layers: int) -> None:
    check_generator(lambda vocab: Lstm(vocab, embed_dim=4, hidden_dim=5, layers=layers, dropout=0.5))


def reference_log_prob(generator: Lstm, ids: list[int]) -> list[float]:
    """Computes log pi of each token gate by gate, for a single layer."""
    weights = dict(generator.named_parameters())
    hidden = cell = torch.zeros(generator.lstm.hidden_size)
    found, previous = [], VOCAB.bos
    for token in ids:
        gates = (
            weights["lstm.weight_ih_l0"] @ weights["embedding.weight"][previous]
            + weights["lstm.weight_hh_l0"] @ hidden
            + weights["lstm.bias_ih_l0"]
        )
        enter, forget, cell_input, output = gates.chunk(4)
        cell = forget.sigmoid() * cell + enter.sigmoid() * cell_input.tanh()
        hidden = output.sigmoid() * cell.tanh()
        logits = weights["output.weight"] @ hidden + weights["output.bias"]
        logits[list(VOCAB.forbidden_ids)] = -torch.inf
        found.append(logits.log_softmax(0)[token].item())
        previous = token
    return found


@torch.no_grad()
def test_log_prob_is_that_of_the_formula() -> None:
    generator, batch = make(init_std=1.0), sentences()
    found = generator.log_prob(Samples(batch.tokens, batch.valid, batch.valid))
    for row, valid, ids in zip(found, batch.valid, batch.tokens, strict=True):
        assert row[valid].tolist() == pytest.approx(reference_log_prob(generator, ids[valid].tolist()), abs=1e-5)
        assert not row[~valid].any()


@torch.no_grad()
def test_likelihood_is_nats_per_token_with_the_end_and_without_padding() -> None:
    generator, batch = make(init_std=1.0), sentences()
    each = [
        p
        for row, valid in zip(batch.tokens, batch.valid, strict=True)
        for p in reference_log_prob(generator, row[valid].tolist())
    ]
    value, stats = generator.likelihood(batch)
    assert value.item() == pytest.approx(-sum(each) / 7, abs=1e-5)
    assert stats["nll_train"].item() == value.item()
    junk = Batch(torch.where(batch.valid, batch.tokens, 5), batch.valid, batch.given)
    assert generator.likelihood(junk).value.item() == pytest.approx(value.item(), abs=1e-6)


@torch.no_grad()
def test_given_tokens_are_read_but_do_not_count() -> None:
    generator, batch = make(init_std=1.0), sentences()
    batch.given[0, :2] = True
    expected = (
        reference_log_prob(generator, [3, 4, 5, 2])[2:]
        + reference_log_prob(generator, [6, 2])
        + reference_log_prob(generator, [2])
    )
    assert generator.likelihood(batch).value.item() == pytest.approx(-sum(expected) / 5, abs=1e-5)


@torch.no_grad()
def test_forbidden_tokens_are_never_sampled() -> None:
    generator = make(init_std=3.0)
    assert not torch.isin(generator.sample(Batch.blank(2000, 4)).x[:, 0], torch.tensor(VOCAB.forbidden_ids)).any()
    probability = generator.head(generator.features(sentences())).softmax(2)
    assert not probability[..., list(VOCAB.forbidden_ids)].any()
    assert probability.isfinite().all()


def test_parameters_are_initialised_as_in_the_paper() -> None:
    torch.manual_seed(0)
    generator = Lstm(Vocabulary(500, 0, None, 0), embed_dim=64, hidden_dim=64)
    for name, parameter in generator.named_parameters():
        if "bias_hh" in name:
            assert not parameter.requires_grad
            assert not parameter.any()
        else:
            error = 5 * 0.1 / math.sqrt(2 * parameter.numel())
            assert parameter.std().item() == pytest.approx(0.1, abs=error), name
            assert parameter.mean().item() == pytest.approx(0.0, abs=5 * 0.1 / math.sqrt(parameter.numel())), name


def test_dropout_is_on_in_training_only() -> None:
    generator, batch = make(dropout=0.5, init_std=1.0), sentences()

    def twice() -> list[Tensor]:
        return [generator.likelihood(batch).value for _ in range(2)]

    assert len({value.item() for value in twice()}) == 1
    generator.train()
    assert len({value.item() for value in twice()}) == 2
    generator.eval()
    twice()[0].backward()  # type: ignore[no-untyped-call]
    assert generator.embedding.weight.grad is not None


def test_saved_weights_are_the_parameters_only() -> None:
    generator = make()
    assert set(generator.state_dict()) == {name for name, _ in generator.named_parameters()}


def test_log_prob_is_the_same_on_asynchronous_devices() -> None:
    generator = make()
    samples = generator.sample(Batch.blank(20, 7))
    expected = generator.log_prob(samples)
    with device.assume(replace(device.CPU, is_async=True)):
        found = generator.log_prob(samples)
    torch.testing.assert_close(found, expected)
    assert bool((expected[~samples.valid] == 0).all())


def test_lstm_layers_stay_in_training_mode() -> None:
    """cuDNN has no backward pass for LSTM layers in evaluation mode."""
    generator = Lstm(VOCAB).eval()
    assert not generator.training
    assert [m.training for m in generator.modules() if isinstance(m, LSTM)] == [True]

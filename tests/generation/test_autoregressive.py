from __future__ import annotations

import pytest
import torch
from support.chances import p_value
from torch import Tensor

from textgan.core.types import Batch, Samples, Vocabulary
from textgan.generation.autoregressive import Tempered, token_log_prob
from textgan.generation.token_samplers import from_logits
from textgan.generators.lstm import Lstm
from textgan.nn.lm_head import LinearHead
from textgan.ops import device
from textgan.ops.device import DeviceProfile
from textgan.testing import TabularGenerator, enumerate_sequences, tiny_vocabulary

ASYNC = DeviceProfile(70, is_async=True, prefers_gather=False)
VOCAB = Vocabulary(7, bos=1, eos=2, pad=0, forbidden_ids=(0, 1))


def lstm() -> Lstm:
    torch.manual_seed(0)
    return Lstm(VOCAB, embed_dim=4, hidden_dim=5, init_std=1.0).eval()


def table_log_prob(generator: TabularGenerator, ids: Tensor, inputs: Tensor) -> Tensor:
    """Looks up log p(ids[t] | inputs[t - 1]) in the table of logits, for one sequence [T]."""
    vocab = generator.vocab
    previous = [vocab.bos, *inputs.tolist()[:-1]]
    rows = torch.stack([generator.table[t * vocab.size + token] for t, token in enumerate(previous)])
    return rows.log_softmax(1).gather(1, ids.unsqueeze(1))[:, 0]


@torch.no_grad()
@pytest.mark.parametrize("profile", [device.CPU, ASYNC])
def test_token_log_prob_is_that_of_the_formula_and_0_for_padding(profile: DeviceProfile) -> None:
    weight, bias, features = torch.randn(6, 3), torch.randn(6), torch.randn(2, 4, 3)
    tokens = torch.randint(6, (2, 4))
    valid = torch.tensor([[True, True, True, True], [True, False, False, False]])
    with device.assume(profile):
        found = token_log_prob(LinearHead(weight, bias), features, Batch(tokens, valid, ~valid))
    expected = (features @ weight.T + bias).log_softmax(2).gather(2, tokens.unsqueeze(2))[..., 0] * valid
    torch.testing.assert_close(found, expected)


def test_padding_gets_no_gradient() -> None:
    features = torch.randn(1, 3, 4, requires_grad=True)
    valid = torch.tensor([[True, True, False]])
    batch = Batch(torch.zeros(1, 3, dtype=torch.long), valid, ~valid)
    token_log_prob(LinearHead(torch.randn(5, 4), torch.zeros(5)), features, batch).sum().backward()  # type: ignore[no-untyped-call]
    assert features.grad is not None
    assert features.grad[0, :2].any(1).all()
    assert not features.grad[0, 2].any()


@torch.no_grad()
def test_log_prob_sums_to_one_over_all_sequences() -> None:
    for end in (False, True):
        generator = TabularGenerator(tiny_vocabulary(3, end), 4)
        every = enumerate_sequences(generator.vocab, 4)
        assert generator.log_prob(every).sum(1).exp().sum().item() == pytest.approx(1, abs=1e-5)


@torch.no_grad()
def test_the_likelihood_with_inputs_conditions_on_them_instead_of_on_the_text() -> None:
    generator = TabularGenerator(tiny_vocabulary(5), 3)
    tokens, inputs = torch.tensor([[1, 2, 3]]), torch.tensor([[4, 0, 2]])
    everywhere = torch.ones_like(tokens, dtype=torch.bool)
    batch = Batch(tokens, everywhere, ~everywhere)
    for given, read in (
        (tokens, generator.likelihood(batch)),
        (inputs, generator.likelihood_with_inputs(batch, inputs)),
    ):
        expected = -table_log_prob(generator, tokens[0], given[0]).mean()
        torch.testing.assert_close(read.value, expected)
        assert read.stats["nll_train"].item() == read.value.item()


@torch.no_grad()
def test_given_tokens_are_read_but_do_not_count() -> None:
    generator = TabularGenerator(tiny_vocabulary(5), 3)
    tokens = torch.tensor([[1, 2, 3]])
    given = torch.tensor([[True, False, False]])
    found = generator.likelihood(Batch(tokens, torch.ones_like(given), given)).value
    torch.testing.assert_close(found, -table_log_prob(generator, tokens[0], tokens[0])[1:].mean())


@torch.no_grad()
def test_decode_takes_the_largest_coordinate_and_leaves_ids_alone() -> None:
    generator = lstm()
    soft = generator.sample(Batch.blank(6, 4), from_logits(lambda logits: logits.softmax(1)))
    assert soft.x.shape == (6, 4, 7)
    ids = generator.decode(soft)
    assert torch.equal(ids.x, soft.x.argmax(2))
    assert torch.equal(ids.valid, soft.valid)
    assert torch.equal(generator.decode(ids).x, ids.x)


# Tempered.


def reweighted(generator: TabularGenerator, temperature: float, every: Samples) -> Tensor:
    """Computes prod_t softmax(logits_t / temperature), [N]."""
    vocab, total = generator.vocab, torch.zeros(len(every))
    previous = torch.full_like(every.x[:, 0], vocab.bos)
    for t in range(every.x.shape[1]):
        log_prob = (generator.table[t * vocab.size + previous] / temperature).log_softmax(1)
        total += log_prob.gather(1, every.x[:, t : t + 1])[:, 0] * every.valid[:, t]
        previous = every.x[:, t]
    return total.exp()


@torch.no_grad()
@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_a_tempered_generator_samples_from_the_distribution_that_its_log_prob_gives(temperature: float) -> None:
    inner = TabularGenerator(tiny_vocabulary(3), 2)
    generator = Tempered(inner, temperature)
    every = enumerate_sequences(inner.vocab, 2)
    probability = generator.log_prob(every).sum(1).exp()
    torch.testing.assert_close(probability, reweighted(inner, temperature, every))
    base = torch.tensor([3, 1])
    order = (every.x * base).sum(1).argsort()
    samples = generator.sample(Batch.blank(8000, 2))
    assert p_value((samples.x * base).sum(1), probability[order]) > 1e-3


def test_a_tempered_generator_has_no_relaxed_samples() -> None:
    assert "relaxed" not in Tempered.capabilities
    assert Tempered.capabilities < TabularGenerator.capabilities

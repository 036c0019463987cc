from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence

from textgan import recipe
from textgan.core.errors import UserError
from textgan.core.types import Batch, Samples, Vocabulary
from textgan.generation import token_samplers
from textgan.generators.vae import Vae
from textgan.nn.lstm import LSTM
from textgan.testing import check_generator, enumerate_sequences, tiny_vocabulary

VOCAB = Vocabulary(7, bos=1, eos=2, pad=0, forbidden_ids=(0, 1))


def sentences() -> Batch:
    tokens = torch.tensor([[3, 4, 5, 2], [6, 2, 0, 0], [2, 0, 0, 0]])
    valid = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0], [1, 0, 0, 0]], dtype=torch.bool)
    return Batch(tokens, valid, torch.zeros_like(valid))


def make(vocab: Vocabulary = VOCAB, spread: float = 0.5, **options: object) -> Vae:
    torch.manual_seed(0)
    generator = Vae(vocab, **{"embed_dim": 4, "hidden_dim": 5, "latent_dim": 3, **options}).eval()  # type: ignore[arg-type]
    with torch.no_grad():
        for parameter in generator.parameters():
            parameter.add_(spread * torch.randn_like(parameter))
    return generator


def deterministic(generator: Vae) -> Vae:
    """Shrinks the posterior to a point, so that the loss is deterministic."""
    with torch.no_grad():
        generator.to_posterior.weight[3:] = 0.0
        generator.to_posterior.bias[3:] = -40.0
    return generator


def reference_log_prob(generator: Vae, ids: list[int], code: Tensor) -> list[float]:
    """Computes log p of each token given a code, gate by gate."""
    weights = dict(generator.named_parameters())
    hidden, cell = (weights["to_state.weight"] @ code + weights["to_state.bias"]).chunk(2)
    hidden = hidden.tanh()
    found, previous = [], generator.vocab.bos
    for token in ids:
        gates = (
            weights["lstm.weight_ih_l0"] @ torch.cat([weights["embedding.weight"][previous], code])
            + weights["lstm.bias_ih_l0"]
            + weights["lstm.weight_hh_l0"] @ hidden
            + weights["lstm.bias_hh_l0"]
        )
        enter, forget, cell_input, output = gates.chunk(4)
        cell = forget.sigmoid() * cell + enter.sigmoid() * cell_input.tanh()
        hidden = output.sigmoid() * cell.tanh()
        logits = weights["output.weight"] @ hidden + weights["output.bias"]
        logits[list(generator.vocab.forbidden_ids)] = -torch.inf
        found.append(logits.log_softmax(0)[token].item())
        previous = token
    return found


def test_it_meets_the_contract() -> None:
    check_generator(lambda vocab: Vae(vocab, embed_dim=4, hidden_dim=5, latent_dim=3, word_dropout=0.5))


@torch.no_grad()
def test_log_prob_and_likelihood_are_the_bound_of_the_formula() -> None:
    generator, batch = deterministic(make()), sentences()
    mean, log_variance = generator.posterior(batch)
    kl = kl_divergence(Normal(mean, (0.5 * log_variance).exp()), Normal(0.0, 1.0)).sum(1)
    rows = [ids[valid].tolist() for ids, valid in zip(batch.tokens, batch.valid, strict=True)]
    each = [reference_log_prob(generator, ids, code) for ids, code in zip(rows, mean, strict=True)]

    found = generator.log_prob(Samples(batch.tokens, batch.valid, batch.valid))
    for row, valid, tokens, cost in zip(found, batch.valid, each, kl.tolist(), strict=True):
        assert row[valid].tolist() == pytest.approx([token - cost / len(tokens) for token in tokens], abs=1e-4)
        assert not row[~valid].any()

    value, stats = generator.likelihood(batch)
    bound = [sum(tokens) - cost for tokens, cost in zip(each, kl.tolist(), strict=True)]
    assert value.item() == pytest.approx(-sum(bound) / 7, abs=1e-4)
    assert stats["nll_train"].item() == pytest.approx(-sum(map(sum, each)) / 7, abs=1e-4)
    assert stats["kl_train"].item() == pytest.approx(kl.mean().item(), rel=1e-5)
    assert stats["elbo_train"].item() == pytest.approx(sum(bound) / 3, abs=1e-4)


@torch.no_grad()
def test_kl_weight_scales_the_kl_and_free_bits_clamp_each_coordinate() -> None:
    generator, batch = deterministic(make()), sentences()
    mean, log_variance = generator.posterior(batch)
    kl = kl_divergence(Normal(mean, (0.5 * log_variance).exp()), Normal(0.0, 1.0)).mean(0)  # [Z]
    whole = generator.likelihood(batch).value
    generator.kl_weight = 0.25
    torch.testing.assert_close(whole - generator.likelihood(batch).value, 0.75 * kl.sum() * 3 / 7)
    generator.kl_weight, floor = 1.0, kl.median().item()
    generator.free_bits = floor
    more = (floor - kl).clamp_min(0).sum()
    assert more > 0
    torch.testing.assert_close(generator.likelihood(batch).value - whole, more * 3 / 7)


def test_coordinates_below_free_bits_have_no_kl_gradient() -> None:
    generator, batch = make(free_bits=1e4, kl_weight=1.0), sentences()
    with torch.no_grad():
        generator.to_state.weight.zero_()
        generator.lstm.weight_ih_l0[:, 4:] = 0.0  # a decoder that ignores its code
    generator.likelihood(batch).value.backward()  # type: ignore[no-untyped-call]
    assert generator.to_posterior.weight.grad is not None
    assert not generator.to_posterior.weight.grad.any()


@torch.no_grad()
def test_given_tokens_are_read_but_do_not_count() -> None:
    generator, batch = deterministic(make()), sentences()
    batch.given[0, :2] = True
    mean, log_variance = generator.posterior(batch)
    kl = kl_divergence(Normal(mean, (0.5 * log_variance).exp()), Normal(0.0, 1.0)).sum()
    total = reference_log_prob(generator, [3, 4, 5, 2], mean[0])[2:]
    total += reference_log_prob(generator, [6, 2], mean[1]) + reference_log_prob(generator, [2], mean[2])
    assert generator.likelihood(batch).value.item() == pytest.approx(-(sum(total) - kl.item()) / 5, abs=1e-4)
    chosen = batch.valid & ~batch.given
    found = generator.log_prob(Samples(batch.tokens, batch.valid, chosen))
    assert (found * chosen).sum().item() == pytest.approx(sum(total) - kl.item(), abs=1e-3)


@torch.no_grad()
@pytest.mark.parametrize("given", [0, 1])
def test_log_prob_is_a_lower_bound_and_more_codes_tighten_it(given: int) -> None:
    """Against p(x) = E_z p(x|z), estimated with 4,000 codes of the prior, for every sequence of three tokens."""
    vocab = tiny_vocabulary(4, end=True)
    generator = make(vocab, spread=0.3)
    with torch.no_grad():
        generator.lstm.weight_ih_l0[:, 4:] *= 4.0  # the code must have an effect
    every = enumerate_sequences(vocab, 3)
    is_given = torch.zeros_like(every.valid)
    is_given[:, :given] = True
    every = Samples(every.x, every.valid, every.valid & ~is_given)
    batch = Batch(every.x, every.valid, every.valid & is_given)
    codes, count = torch.randn(4000, 3), len(every)
    log_p = _log_prob_given_codes(generator, _repeated(batch, 4000), codes.repeat_interleave(count, 0)).view(
        4000, count
    )
    log_p = log_p.logsumexp(0) - math.log(len(codes))  # [N]
    if not given:
        assert log_p.exp().sum().item() == pytest.approx(1, abs=1e-3)
    gaps = []
    for generator.samples in (1, 4, 64):
        many = _repeated(batch, 200)
        found = generator.log_prob(Samples(many.tokens, many.valid, many.valid & ~many.given))
        bound = (found * ~many.given).sum(1).view(200, count).mean(0)  # [N]
        assert bool((bound <= log_p + 0.05).all())
        gaps.append((log_p - bound).mean().item())
    assert gaps[0] > gaps[1] > gaps[2] > -0.02
    assert gaps[2] < 0.25 * gaps[0]


def _repeated(batch: Batch, times: int) -> Batch:
    return Batch(*(part.repeat(times, 1) for part in (batch.tokens, batch.valid, batch.given)))


def _log_prob_given_codes(generator: Vae, batch: Batch, codes: Tensor) -> Tensor:
    return (generator._tokens(batch, codes) * ~batch.given).sum(1)


@torch.no_grad()
def test_decoding_samples_from_the_distribution_given_the_code() -> None:
    vocab = tiny_vocabulary(3)
    generator, count = make(vocab, spread=1.0), 20000
    every, code = enumerate_sequences(vocab, 2), torch.randn(3)
    probability = _log_prob_given_codes(
        generator, Batch(every.x, every.valid, ~every.valid), code.expand(len(every), 3)
    ).exp()
    assert probability.sum().item() == pytest.approx(1, abs=1e-5)
    sampled = generator.decode_codes(code.expand(count, 3), Batch.blank(count, 2)).x
    share = torch.stack([(sampled == row).all(1).float().mean() for row in every.x])
    assert (share - probability).abs().max().item() < 0.02


@torch.no_grad()
def test_decoding_keeps_given_tokens_and_has_a_row_for_each_code() -> None:
    generator, batch = make(), sentences()
    batch.given[0, 1] = True
    decoded = generator.decode_codes(torch.randn(3, 3), batch, token_samplers.greedy)
    assert decoded.x[0, 1] == 4
    assert not decoded.chosen[0, 1]
    one = generator.decode_codes(generator.encode(batch)[1:2], batch[1:2], token_samplers.greedy)
    torch.testing.assert_close(
        one.x, generator.decode_codes(generator.encode(batch), batch, token_samplers.greedy).x[1:2]
    )


def test_word_dropout_hides_tokens_in_training_only() -> None:
    generator, batch = deterministic(make(word_dropout=1.0)), sentences()
    other = Batch(batch.tokens.clone(), batch.valid, batch.given)
    other.tokens[0, 0] = 6
    codes = torch.zeros(3, 3)
    read, dropped = [], []
    for one in (batch, other):
        generator.eval()
        read.append(generator._tokens(one, codes)[0, 1:])
        generator.train()
        dropped.append(generator._tokens(one, codes)[0, 1:])
    torch.testing.assert_close(dropped[0], dropped[1])
    assert (read[0] - read[1]).abs().max() > 1e-3
    generator.likelihood(batch).value.backward()  # type: ignore[no-untyped-call]
    assert generator.blank.grad is not None
    assert generator.blank.grad.any()
    assert generator.embedding.weight.grad is not None
    assert generator.embedding.weight.grad[VOCAB.bos].any(), "the start token is never dropped"
    assert not generator.embedding.weight.grad[3:].any()


def test_padding_has_no_effect() -> None:
    generator, batch = deterministic(make()), sentences()
    junk = Batch(torch.where(batch.valid, batch.tokens, 5), batch.valid, batch.given)
    longer = Batch(*(nn.functional.pad(part, (0, 2)) for part in (batch.tokens, batch.valid, batch.given)))
    value = generator.likelihood(batch).value
    torch.testing.assert_close(generator.likelihood(junk).value, value)
    torch.testing.assert_close(generator.likelihood(longer).value, value)


def test_it_learns_to_encode_a_sentence() -> None:
    """The two sentences differ at every position, and the decoder reads no input tokens."""
    torch.manual_seed(0)
    generator = Vae(tiny_vocabulary(4), 8, 16, 2, kl_weight=0.1, word_dropout=1.0).train()
    tokens = torch.tensor([[1, 1, 2], [2, 3, 1]]).repeat(16, 1)
    batch = Batch(tokens, torch.ones_like(tokens, dtype=torch.bool), torch.zeros_like(tokens, dtype=torch.bool))
    optimizer = torch.optim.Adam(generator.parameters(), 1e-2)
    for _ in range(120):
        optimizer.zero_grad()
        generator.likelihood(batch).value.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    generator.eval()
    with torch.no_grad():
        assert torch.equal(generator.decode_codes(generator.encode(batch), batch, token_samplers.greedy).x, tokens)


@pytest.mark.parametrize("estimator", ["reinforce", "rollout"])
def test_a_score_gradient_of_a_bound_is_refused(estimator: str) -> None:
    """It would run without an error, and estimate another gradient."""
    phase = "phases.gan={rounds: 1, turns: [adversarial, discriminate]}"
    blocks = ["discriminator=text_cnn", "loss=bce", "optimizers.discriminator.lr=1e-3", f"estimator={estimator}", phase]
    with pytest.raises(UserError, match='trains by score gradients, which generator "vae" does not allow'):
        recipe.load("vae", blocks)


def test_the_recipe_anneals_and_its_control_does_not() -> None:
    loaded = recipe.load("vae", [])
    (anneal,) = loaded.filled["callbacks"]
    assert anneal["option"] == "generator.kl_weight"
    assert anneal["start"] < 0.1
    assert anneal["end"] == 1
    assert loaded.filled["generator"]["word_dropout"] > 0
    plain = loaded.control("plain").filled
    assert plain["callbacks"] == []
    assert (plain["generator"]["word_dropout"], plain["generator"]["kl_weight"]) == (0, 1)


def test_lstm_layers_stay_in_training_mode() -> None:
    """cuDNN has no backward pass for LSTM layers in evaluation mode."""
    generator = Vae(VOCAB).eval()
    assert not generator.training
    assert [m.training for m in generator.modules() if isinstance(m, LSTM)] == [True] * 2

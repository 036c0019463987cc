from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from textgan import recipe
from textgan.core.errors import UserError
from textgan.core.types import Batch, Samples, Vocabulary
from textgan.generation.sampling import TokenCounter
from textgan.generation.token_samplers import greedy, tempered
from textgan.generators.latent import Latent, scaled
from textgan.nn.lstm import LSTM
from textgan.runs import model, runner
from textgan.testing import check_generator

VOCAB = Vocabulary(7, bos=1, eos=2, pad=0, forbidden_ids=(0, 1))
TOKENS = torch.tensor([[3, 4, 5, 2], [6, 2, 0, 0], [2, 0, 0, 0], [4, 4, 2, 0]])


def sentences() -> Batch:
    valid = TOKENS != 0
    return Batch(TOKENS, valid, torch.zeros_like(valid))


def make(**options: object) -> Latent:
    torch.manual_seed(0)
    small = {"embed_dim": 6, "hidden_dim": 24, "code_dim": 5, "mapper_dim": 8, "mapper_blocks": 1}
    return Latent(VOCAB, **{**small, **options}).eval()  # type: ignore[arg-type]


def trained(**options: object) -> Latent:
    """Trains an autoencoder to reconstruct the four sentences."""
    generator = make(**options)
    optimizer = torch.optim.Adam(generator.autoencoder.parameters(), 1e-2)
    generator.autoencoder.train()
    for _ in range(200):
        optimizer.zero_grad()
        generator.likelihood(sentences()).value.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return generator.eval()


@pytest.mark.parametrize("sphere", [True, False])
def test_it_meets_the_contract(sphere: bool) -> None:
    check_generator(lambda vocab: Latent(vocab, 4, 5, 3, sphere, mapper_dim=4, mapper_blocks=1))


def test_decoding_reconstructs_a_sentence_from_its_code_only() -> None:
    generator = trained(noise=0.1)
    batch = sentences()
    codes = generator.encode(batch)
    assert not codes.requires_grad
    decoded = generator.decode_codes(codes, batch)
    assert torch.equal(decoded.x, TOKENS)
    assert torch.equal(decoded.valid, batch.valid)
    reversed_codes = generator.decode_codes(codes.flip(0), batch)
    assert torch.equal(reversed_codes.x, TOKENS.flip(0)), "the text must come from the code, not from the batch"
    assert torch.equal(generator.decode(generator.real(batch)).x, TOKENS)


def test_gradients_of_generated_codes_reach_the_mapper_only() -> None:
    generator = make()
    samples = generator.sample(Batch.blank(6, 4))
    assert samples.x.shape == (6, 5)
    assert samples.valid.shape == samples.chosen.shape == (6, 4)
    samples.x[:, 0].sum().backward()  # type: ignore[no-untyped-call]
    assert all(p.grad is not None and p.grad.any() for p in generator.mapper.parameters())
    assert all(p.grad is None for p in generator.autoencoder.parameters())


def test_gradients_of_the_likelihood_reach_the_autoencoder_only() -> None:
    generator = make()
    value, stats = generator.likelihood(sentences())
    value.backward()  # type: ignore[no-untyped-call]
    assert stats["reconstruction_loss"].item() == value.item()
    assert all(p.grad is None for p in generator.mapper.parameters())
    assert all(p.grad is not None and p.grad.any() for n, p in generator.autoencoder.encoder.named_parameters())


@torch.no_grad()
def test_real_and_generated_codes_lie_on_the_sphere() -> None:
    generator = make(sphere=True)
    for codes in (generator.encode(sentences()), generator.sample(Batch.blank(6, 4)).x):
        torch.testing.assert_close(codes.square().mean(1), torch.ones(len(codes)))
    plain = make(sphere=False)
    assert plain.encode(sentences()).square().mean(1).std() > 0


@torch.no_grad()
def test_the_length_of_a_code_has_no_effect_on_the_sphere() -> None:
    generator = make(sphere=True)
    codes = torch.randn(8, 5)
    blank = Batch.blank(8, 6)
    assert torch.equal(generator.decode_codes(3 * codes, blank).x, generator.decode_codes(codes, blank).x)
    torch.testing.assert_close(scaled(codes, False), codes)


@torch.no_grad()
def test_noise_and_word_dropout_are_on_in_training_only() -> None:
    def values(generator: Latent) -> set[float]:
        return {generator.likelihood(sentences()).value.item() for _ in range(3)}

    for options in ({"noise": 0.5, "word_dropout": 0.0}, {"noise": 0.0, "word_dropout": 0.5}):
        generator = make(**options)
        assert len(values(generator)) == 1
        generator.autoencoder.train()
        assert len(values(generator)) == 3
    plain = make(noise=0.0, word_dropout=0.0)
    expected = values(plain)
    plain.autoencoder.train()
    assert values(plain) == expected


@torch.no_grad()
def test_the_noise_has_the_given_standard_deviation() -> None:
    generator = make(noise=0.7)
    generator.autoencoder.train()
    batch = Batch(*(part.repeat(2000, 1) for part in (TOKENS[:1], TOKENS[:1] != 0, TOKENS[:1] < 0)))
    noisy: Tensor = generator.autoencoder.start(batch)[2]
    assert noisy.std(0).mean().item() == pytest.approx(0.7, rel=0.05)


@torch.no_grad()
def test_forbidden_tokens_are_never_generated() -> None:
    generator = make()
    generator.autoencoder.output.weight.mul_(20)
    samples = generator.decode(generator.sample(Batch.blank(500, 4)))
    assert not torch.isin(samples.x[samples.valid], torch.tensor(VOCAB.forbidden_ids)).any()


def test_interpolated_codes_start_and_end_at_the_sentences() -> None:
    generator = trained(noise=0.1)
    ends = generator.encode(sentences()[:2])
    path = torch.stack([torch.lerp(ends[0], ends[1], share) for share in torch.linspace(0, 1, 5)])
    decoded = generator.decode_codes(path, Batch.blank(5, 4))
    assert torch.equal(decoded.x[[0, -1]], TOKENS[:2])


@torch.no_grad()
def test_given_tokens_are_kept_when_decoding_codes() -> None:
    generator, batch = make(), sentences()
    given = torch.zeros_like(batch.given)
    given[:, :1] = True
    decoded = generator.decode_codes(torch.randn(4, 5), Batch(batch.tokens, batch.valid, given))
    assert torch.equal(decoded.x[:, 0], TOKENS[:, 0])
    assert not decoded.chosen[:, 0].any()


def test_unsupported_options_are_refused() -> None:
    generator, batch = make(), sentences()
    with pytest.raises(UserError, match="generator=latent: temperature, top_k and top_p are not supported"):
        generator.sample(batch, tempered(0.8))
    with pytest.raises(UserError, match="generator=latent: given tokens cannot be kept"):
        generator.sample(Batch(batch.tokens, batch.valid, batch.valid))
    with pytest.raises(NotImplementedError):
        generator.log_prob(Samples(batch.tokens, batch.valid, batch.valid))
    generator.sample(batch, tempered(0.0))  # its own decoding is greedy
    generator.sample(batch, greedy)


def test_the_recipe_trains_both_parts_and_its_model_generates(tmp_path: Path) -> None:
    small = (
        "device=cpu", "data.sentences=300", "data.validation=30", "data.test=30", "evaluate.samples=30",
        "batch_size=16", "generator.embed_dim=8", "generator.hidden_dim=8", "generator.code_dim=4",
        "generator.mapper_blocks=1", "discriminator.blocks=1", "phases.autoencode.rounds=4",
        "phases.autoencode.evaluate=null", "phases.latent-gan.rounds=3", "phases.latent-gan.evaluate=null",
    )  # fmt: skip
    home = tmp_path / "run"
    result = runner.start(recipe.load("latextgan", small), home)
    assert list(result.columns) == ["autoencode", "latent-gan", "gaussian-codes"]
    first, last, normal = result.columns.values()
    assert first["reconstructed_tokens"] == last["reconstructed_tokens"], "the autoencoder is frozen"
    assert "nll_test" not in last
    assert normal["distinct1"] != first["distinct1"]
    before, after = (load_file(home / f"checkpoints/00000{n}/weights.safetensors") for n in (4, 7))
    updated = {
        name.split(".")[1] for name in before if name.startswith("generator") and not before[name].equal(after[name])
    }
    assert updated == {"mapper"}
    decoded = model.load(home, "cpu").sample(5, seed=1)
    assert len(decoded) == 5
    assert model.load(home, "cpu").sample(5, seed=1) == decoded
    assert model.load(home, "cpu").sample(5, temperature=0.0, seed=1) == decoded, "decoding is always greedy"
    with pytest.raises(UserError, match="leave them out"):
        model.load(home, "cpu").sample(5, temperature=0.7)


def test_lstm_layers_stay_in_training_mode() -> None:
    """cuDNN has no backward pass for LSTM layers in evaluation mode."""
    generator = Latent(VOCAB).eval()
    assert not generator.training
    assert [m.training for m in generator.modules() if isinstance(m, LSTM)] == [True] * 2


def test_codes_count_the_tokens_of_their_full_length() -> None:
    with TokenCounter() as counter:
        Latent(VOCAB).sample(Batch.blank(3, 5))
    assert counter.total == 3 * 5

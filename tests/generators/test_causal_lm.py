from __future__ import annotations

import copy
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from support.chances import p_value
from torch import Tensor

from textgan.core.errors import UserError
from textgan.core.types import Batch, Samples, Vocabulary
from textgan.data import network
from textgan.generation.decoding.beam import Beam
from textgan.generation.token_samplers import from_logits
from textgan.generators import causal_lm
from textgan.generators.causal_lm import CausalLm
from textgan.testing import check_generator, enumerate_sequences

VOCAB = Vocabulary(7, bos=1, eos=2, pad=0, forbidden_ids=(0, 1))
WINDOW = {"sliding_window": 3}


def make(vocab: Vocabulary = VOCAB, spread: float = 0.3, **options: Any) -> CausalLm:
    """Makes a small model with large random parameters, so that every token and position has an effect."""
    torch.manual_seed(0)
    generator = CausalLm(vocab, **{"layers": 2, "heads": 2, "hidden_dim": 16, **options}).eval()
    with torch.no_grad():
        for parameter in generator.parameters():
            parameter.add_(spread * torch.randn_like(parameter))
    return generator


def logits(generator: CausalLm, ids: Tensor) -> Tensor:
    """Computes the logits by transformers itself, without a cache, [R,S,V]."""
    whole: Tensor = generator.model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False).logits
    return whole + generator.logit_mask


@pytest.mark.parametrize("architecture", ["gpt2", "llama", "gemma2"])
def test_it_meets_the_contract(architecture: str) -> None:
    check_generator(
        lambda vocab: CausalLm(
            vocab, architecture=architecture, heads=2, hidden_dim=16, config={"initializer_range": 0.1}
        )
    )


@torch.no_grad()
@pytest.mark.parametrize(
    ("architecture", "config"),
    [
        ("gpt2", {}),
        ("llama", {"num_key_value_heads": 1}),
        ("mistral", WINDOW),
        ("gemma2", WINDOW),
        ("gemma3_text", WINDOW),
        ("qwen3", {}),
        ("granite", {"logits_scaling": 4.0}),
        ("cohere", {}),
        ("opt", {}),
        ("bloom", {}),
    ],
)
def test_reading_token_by_token_gives_the_models_own_logits(architecture: str, config: dict[str, Any]) -> None:
    generator = make(architecture=architecture, config=config)
    ids = torch.randint(0, 7, (3, 10))
    expected = logits(generator, ids)
    whole, _ = generator.read(ids, ())
    torch.testing.assert_close(generator.head(whole), expected, atol=1e-4, rtol=1e-4)
    state, found = generator.start(Batch.blank(3, 10)), []
    for chunk in ids.split([1, 1, 3, 1, 2, 1, 1], dim=1):
        features, state = generator.read(chunk, state)
        found.append(generator.head(features))
    torch.testing.assert_close(torch.cat(found, 1), expected, atol=1e-4, rtol=1e-4)
    one_hot = torch.nn.functional.one_hot(ids, 7).float()
    torch.testing.assert_close(generator.head(generator.read(one_hot, ())[0]), expected, atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_log_prob_is_that_of_the_models_own_logits() -> None:
    generator = make()
    tokens = torch.tensor([[3, 4, 5, 2], [6, 2, 0, 0]])
    valid = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]], dtype=torch.bool)
    log_prob = logits(generator, torch.cat([torch.ones(2, 1, dtype=torch.long), tokens[:, :-1]], 1)).log_softmax(2)
    expected = log_prob.gather(2, tokens.unsqueeze(2)).squeeze(2) * valid
    torch.testing.assert_close(generator.log_prob(Samples(tokens, valid, valid)), expected, atol=1e-5, rtol=1e-5)


def test_likelihood_reads_a_text_in_one_pass() -> None:
    generator, calls = make(), []
    batch = sampled_batch(generator)
    generator.model.base_model.register_forward_hook(lambda *_: calls.append(1))
    generator.likelihood(batch).value.backward()  # type: ignore[no-untyped-call]
    assert len(calls) == 1


def sampled_batch(generator: CausalLm) -> Batch:
    samples = generator.sample(Batch.blank(6, 5))
    return Batch(samples.x, samples.valid, torch.zeros_like(samples.valid))


def test_gradients_of_relaxed_samples_pass_through_the_cache() -> None:
    """Against a copy that reads the whole text again for each token, without a cache."""
    vocab = Vocabulary(7, bos=1, eos=None, pad=0)
    cached = make(vocab)
    uncached = copy.deepcopy(cached)
    weight = torch.randn(4, 5, 7)
    soft = cached.sample(Batch.blank(4, 5), from_logits(lambda logits: logits.softmax(1))).x
    (soft * weight).sum().backward()  # type: ignore[no-untyped-call]
    points = torch.nn.functional.one_hot(torch.ones(4, 1, dtype=torch.long), 7).float()
    for _ in range(5):
        last = uncached.model(
            inputs_embeds=points @ uncached.model.get_input_embeddings().weight, use_cache=False
        ).logits[:, -1]
        points = torch.cat([points, last.softmax(1).unsqueeze(1)], 1)
    torch.testing.assert_close(soft, points[:, 1:])
    (points[:, 1:] * weight).sum().backward()  # type: ignore[no-untyped-call]
    for (name, one), other in zip(cached.named_parameters(), uncached.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, atol=1e-4, rtol=1e-3, msg=name)


@torch.no_grad()
@pytest.mark.parametrize("floats", [causal_lm.FLOATS, 1])
def test_completions_follow_the_generators_distribution(floats: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(causal_lm, "FLOATS", floats)
    generator, length, count = make(spread=0.5), 3, 4000
    every = enumerate_sequences(VOCAB, length)
    probability = generator.log_prob(every).sum(1).exp()
    whole = every[every.valid.all(1).nonzero()[[0, -1], 0]]
    parts = list(generator.rollouts(whole, count))
    assert len(parts) == (1 if floats > 1 else 2)
    found = {
        (source, prefix): torch.cat([p.samples.x[(p.source == source) & (p.prefix == prefix)] for p in parts])
        for source in (0, 1)
        for prefix in (1, 2)
    }
    base = 7 ** torch.arange(length)
    for (source, prefix), sampled in found.items():
        assert len(sampled) == count
        matches = (every.x[:, :prefix] == whole.x[source, :prefix]).all(1) & every.valid[:, prefix]
        numbers, order = (every.x[matches] * base).sum(1).sort()
        row = order[torch.searchsorted(numbers, (sampled * base).sum(1)).clamp_max(len(order) - 1)]
        assert torch.equal(every.x[matches][row], sampled)
        assert p_value(row, probability[matches] / probability[matches].sum()) > 1e-3


@torch.no_grad()
def test_a_wide_beam_finds_the_most_likely_text() -> None:
    generator = make()
    every = enumerate_sequences(VOCAB, 3)
    best = every[generator.log_prob(every).sum(1).argmax().view(1)]
    found = Beam(width=150)(generator, Batch.blank(2, 3))
    for row in (0, 1):
        assert found.x[row][found.valid[row]].tolist() == best.x[best.valid].tolist()


@torch.no_grad()
def test_forbidden_tokens_are_never_sampled() -> None:
    samples = make(spread=2.0).sample(Batch.blank(2000, 2))
    assert not torch.isin(samples.x[samples.valid], torch.tensor(VOCAB.forbidden_ids)).any()


def test_parameters_depend_on_the_seed_only() -> None:
    """The check of the cache restores weights and uses no random numbers."""
    torch.manual_seed(3)
    one = CausalLm(VOCAB, hidden_dim=16)
    after = torch.rand(1)
    torch.manual_seed(3)
    from transformers import AutoModelForCausalLM

    other = AutoModelForCausalLM.from_config(one.model.config)
    assert torch.equal(torch.rand(1), after)
    for found, expected in zip(one.parameters(), other.parameters(), strict=True):
        assert torch.equal(found, expected)


def test_dropout_is_on_in_training_only_and_has_the_given_rate() -> None:
    for rate, different in ((0.5, 2), (0.0, 1)):
        generator = make(dropout=rate)
        assert {m.p for m in generator.modules() if type(m) is torch.nn.Dropout} == {rate}
        batch = sampled_batch(generator)
        assert len({generator.likelihood(batch).value.item() for _ in range(2)}) == 1
        generator.train()
        assert len({generator.likelihood(batch).value.item() for _ in range(2)}) == different
    assert {m.p for m in make().modules() if type(m) is torch.nn.Dropout} == {0.1}


def test_architectures_that_cannot_be_read_token_by_token_are_refused() -> None:
    for architecture in ("bert", "mamba"):
        with pytest.raises(
            ValueError,
            match=f"^architecture={architecture}: (cannot be read token by token|logits computed token by token)",
        ):
            make(architecture=architecture)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"architecture": "gtp2"}, "^architecture=gtp2: not a causal language model .* did you mean"),
        ({"architecture": "vit"}, "^architecture=vit: not a causal language model"),
        ({"architecture": "bart"}, "^layers=2: bart does not use this size and has 12 layers; set .* in config"),
        ({"config": {"n_innner": 4}}, '^config.n_innner: unknown option of gpt2; did you mean "n_inner"'),
        ({"hidden_dim": 15}, "^architecture=gpt2: invalid sizes .*divisible|^config: gpt2 cannot be built .*divisible"),
        (
            {"config": {"max_position_embeddings": 4}, "max_len": 5},
            "^max_len=5: too long for this model; expected at most 4 tokens",
        ),
        ({"path": "./nothing"}, r"^path=\./nothing: folder not found"),
    ],
)
def test_invalid_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(**options)


def test_texts_longer_than_the_model_reads_are_refused() -> None:
    generator = make(config={"max_position_embeddings": 4}, max_len=4)
    generator.sample(Batch.blank(2, 4))
    with pytest.raises(UserError, match="max_len=5: too long for this generator; expected at most 4 tokens"):
        generator.sample(Batch.blank(2, 5))


def test_without_a_network_a_model_on_the_hub_fails_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "_answers", lambda host, port: False)
    start = time.monotonic()
    with pytest.raises(ValueError, match="path=none/nothing: not on this machine, and the Hugging Face Hub cannot"):
        make(path="none/nothing")
    assert time.monotonic() - start < 2


# Folders of pretrained models.


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Saves a GPT-2 with seven tokens by `save_pretrained`."""
    make().model.save_pretrained(tmp_path / "tiny")
    return tmp_path / "tiny"


@torch.no_grad()
def test_a_pretrained_model_is_loaded_unchanged(folder: Path) -> None:
    ids = torch.randint(0, 7, (2, 6))
    loaded = CausalLm(VOCAB, path=str(folder), dropout=0.3).eval()
    assert torch.equal(loaded.head(loaded.read(ids, ())[0]), make().head(make().read(ids, ())[0]))
    assert {m.p for m in loaded.modules() if type(m) is torch.nn.Dropout} == {0.3}
    half = make().model.half()
    half.save_pretrained(folder)
    assert {p.dtype for p in CausalLm(VOCAB, path=str(folder)).parameters()} == {torch.float32}


def test_a_vocabulary_of_another_size_is_refused(folder: Path) -> None:
    for size in (6, 8):
        with pytest.raises(
            ValueError, match=f"the model's 7 tokens are not the tokenizer's {size}; .*name: pretrained"
        ):
            CausalLm(Vocabulary(size, bos=1, eos=2, pad=0), path=str(folder))


def edit_weights(folder: Path, change: Callable[[dict[str, Tensor]], object]) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors", {"format": "pt"})


def test_a_model_without_all_its_weights_is_refused(folder: Path) -> None:
    edit_weights(folder, lambda weights: weights.pop("transformer.ln_f.weight"))
    with pytest.raises(ValueError, match=r"weights are missing \(1, the first is transformer\.ln_f\.weight\)"):
        CausalLm(VOCAB, path=str(folder))


def test_pickles_are_not_loaded(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    torch.save(make().model.state_dict(), folder / "pytorch_model.bin")
    with pytest.raises(ValueError, match=r"cannot be loaded \(.*expected a causal language model in safetensors"):
        CausalLm(VOCAB, path=str(folder))

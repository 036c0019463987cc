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
    """A small one whose parameters are far from their start, so that every word and position matters."""
    torch.manual_seed(0)
    made = CausalLm(vocab, **{"layers": 2, "heads": 2, "hidden_dim": 16, **options}).eval()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(spread * torch.randn_like(parameter))
    return made


def logits(generator: CausalLm, ids: Tensor) -> Tensor:
    """What transformers itself says, with no cache: [R,S,V]."""
    whole: Tensor = generator.model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False).logits
    return whole + generator.logit_mask


@pytest.mark.parametrize("architecture", ["gpt2", "llama", "gemma2"])
def test_does_what_every_generator_must(architecture: str) -> None:
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
def test_words_read_one_by_one_or_all_at_once_give_the_models_own_logits(
    architecture: str, config: dict[str, Any]
) -> None:
    generator = make(architecture=architecture, config=config)
    ids = torch.randint(0, 7, (3, 10))
    own = logits(generator, ids)
    whole, _ = generator.read(ids, ())
    torch.testing.assert_close(generator.head(whole), own, atol=1e-4, rtol=1e-4)
    state, found = generator.start(Batch.blank(3, 10)), []
    for piece in ids.split([1, 1, 3, 1, 2, 1, 1], dim=1):
        features, state = generator.read(piece, state)
        found.append(generator.head(features))
    torch.testing.assert_close(torch.cat(found, 1), own, atol=1e-4, rtol=1e-4)
    one_hot = torch.nn.functional.one_hot(ids, 7).float()
    torch.testing.assert_close(generator.head(generator.read(one_hot, ())[0]), own, atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_log_prob_is_that_of_the_models_own_logits() -> None:
    generator = make()
    tokens = torch.tensor([[3, 4, 5, 2], [6, 2, 0, 0]])
    valid = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]], dtype=torch.bool)
    own = logits(generator, torch.cat([torch.ones(2, 1, dtype=torch.long), tokens[:, :-1]], 1)).log_softmax(2)
    expected = own.gather(2, tokens.unsqueeze(2)).squeeze(2) * valid
    torch.testing.assert_close(generator.log_prob(Samples(tokens, valid, valid)), expected, atol=1e-5, rtol=1e-5)


def test_a_text_is_learned_in_one_parallel_pass() -> None:
    generator, calls = make(), []
    batch = written(generator)
    generator.model.base_model.register_forward_hook(lambda *_: calls.append(1))
    generator.likelihood(batch).value.backward()  # type: ignore[no-untyped-call]
    assert len(calls) == 1


def written(generator: CausalLm) -> Batch:
    samples = generator.sample(Batch.blank(6, 5))
    return Batch(samples.x, samples.valid, torch.zeros_like(samples.valid))


def test_gradients_of_relaxed_samples_pass_through_the_cache() -> None:
    """As where every word is read anew with all before it, and no cache is kept."""
    vocab = Vocabulary(7, bos=1, eos=None, pad=0)
    kept = make(vocab)
    anew = copy.deepcopy(kept)
    weight = torch.randn(4, 5, 7)
    soft = kept.sample(Batch.blank(4, 5), from_logits(lambda logits: logits.softmax(1))).x
    (soft * weight).sum().backward()  # type: ignore[no-untyped-call]
    words = torch.nn.functional.one_hot(torch.ones(4, 1, dtype=torch.long), 7).float()
    for _ in range(5):
        last = anew.model(inputs_embeds=words @ anew.model.get_input_embeddings().weight, use_cache=False).logits[:, -1]
        words = torch.cat([words, last.softmax(1).unsqueeze(1)], 1)
    torch.testing.assert_close(soft, words[:, 1:])
    (words[:, 1:] * weight).sum().backward()  # type: ignore[no-untyped-call]
    for (name, one), other in zip(kept.named_parameters(), anew.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, atol=1e-4, rtol=1e-3, msg=name)


@torch.no_grad()
@pytest.mark.parametrize("floats", [causal_lm.FLOATS, 1])
def test_completions_come_as_often_as_they_should(floats: int, monkeypatch: pytest.MonkeyPatch) -> None:
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
    for (source, prefix), drawn in found.items():
        assert len(drawn) == count
        begins = (every.x[:, :prefix] == whole.x[source, :prefix]).all(1) & every.valid[:, prefix]
        numbers, order = (every.x[begins] * base).sum(1).sort()
        row = order[torch.searchsorted(numbers, (drawn * base).sum(1)).clamp_max(len(order) - 1)]
        assert torch.equal(every.x[begins][row], drawn)
        assert p_value(row, probability[begins] / probability[begins].sum()) > 1e-3


@torch.no_grad()
def test_a_beam_that_keeps_everything_finds_the_likeliest_text() -> None:
    generator = make()
    every = enumerate_sequences(VOCAB, 3)
    best = every[generator.log_prob(every).sum(1).argmax().view(1)]
    found = Beam(width=150)(generator, Batch.blank(2, 3))
    for row in (0, 1):
        assert found.x[row][found.valid[row]].tolist() == best.x[best.valid].tolist()


@torch.no_grad()
def test_words_that_nobody_may_draw_are_never_drawn() -> None:
    made = make(spread=2.0).sample(Batch.blank(2000, 2))
    assert not torch.isin(made.x[made.valid], torch.tensor(VOCAB.forbidden_ids)).any()


def test_parameters_depend_on_the_seed_alone() -> None:
    """What is tried at the start leaves weights and random numbers as they were."""
    torch.manual_seed(3)
    one = CausalLm(VOCAB, hidden_dim=16)
    after = torch.rand(1)
    torch.manual_seed(3)
    from transformers import AutoModelForCausalLM

    other = AutoModelForCausalLM.from_config(one.model.config)
    assert torch.equal(torch.rand(1), after)
    for mine, theirs in zip(one.parameters(), other.parameters(), strict=True):
        assert torch.equal(mine, theirs)


def test_dropout_only_in_training_and_at_the_rate_that_is_asked_for() -> None:
    for rate, different in ((0.5, 2), (0.0, 1)):
        generator = make(dropout=rate)
        assert {m.p for m in generator.modules() if type(m) is torch.nn.Dropout} == {rate}
        batch = written(generator)
        assert len({generator.likelihood(batch).value.item() for _ in range(2)}) == 1
        generator.train()
        assert len({generator.likelihood(batch).value.item() for _ in range(2)}) == different
    assert {m.p for m in make().modules() if type(m) is torch.nn.Dropout} == {0.1}


def test_architectures_that_are_not_read_word_by_word_are_refused() -> None:
    for architecture in ("bert", "mamba"):
        with pytest.raises(ValueError, match=f"^{architecture} models"):
            make(architecture=architecture)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"architecture": "gtp2"}, "architecture is gtp2, .* did you mean"),
        ({"architecture": "vit"}, "architecture is vit, which is no causal language model"),
        ({"architecture": "bart"}, "bart has 12 layers, not 2; give its own sizes in config"),
        ({"config": {"n_innner": 4}}, 'config has n_innner, which gpt2 does not know; did you mean "n_inner"'),
        ({"hidden_dim": 15}, "gpt2 .*divisible"),
        (
            {"config": {"max_position_embeddings": 4}, "max_len": 5},
            "reads 4 tokens, but texts have up to 5; set max_len",
        ),
        ({"path": "./nothing"}, r"\./nothing: there is no such folder"),
    ],
)
def test_wrong_options_are_told(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        make(**options)


def test_texts_that_are_too_long_are_refused() -> None:
    generator = make(config={"max_position_embeddings": 4}, max_len=4)
    generator.sample(Batch.blank(2, 4))
    with pytest.raises(UserError, match="reads 4 tokens, not 5"):
        generator.sample(Batch.blank(2, 5))


def test_without_a_network_a_name_on_the_hub_fails_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "_answers", lambda host, port: False)
    start = time.monotonic()
    with pytest.raises(ValueError, match="nobody/nothing is not on this machine, and the Hugging Face Hub cannot"):
        make(path="nobody/nothing")
    assert time.monotonic() - start < 2


# Folders of pretrained models.


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A GPT-2 of seven words, as `save_pretrained` writes it."""
    make().model.save_pretrained(tmp_path / "tiny")
    return tmp_path / "tiny"


@torch.no_grad()
def test_a_pretrained_model_is_read_as_it_is(folder: Path) -> None:
    ids = torch.randint(0, 7, (2, 6))
    again = CausalLm(VOCAB, path=str(folder), dropout=0.3).eval()
    assert torch.equal(again.head(again.read(ids, ())[0]), make().head(make().read(ids, ())[0]))
    assert {m.p for m in again.modules() if type(m) is torch.nn.Dropout} == {0.3}
    half = make().model.half()
    half.save_pretrained(folder)
    assert {p.dtype for p in CausalLm(VOCAB, path=str(folder)).parameters()} == {torch.float32}


def test_other_words_than_the_models_are_refused(folder: Path) -> None:
    for size in (6, 8):
        with pytest.raises(ValueError, match=f"has 7 words of its own, and the tokenizer has {size}.*name: pretrained"):
            CausalLm(Vocabulary(size, bos=1, eos=2, pad=0), path=str(folder))


def spoil(folder: Path, change: Callable[[dict[str, Tensor]], object]) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors", {"format": "pt"})


def test_a_model_without_all_its_weights_is_refused(folder: Path) -> None:
    spoil(folder, lambda weights: weights.pop("transformer.ln_f.weight"))
    with pytest.raises(
        ValueError, match=r"no finished language model: it lacks transformer\.ln_f\.weight \(weights missing: 1\)"
    ):
        CausalLm(VOCAB, path=str(folder))


def test_pickles_are_not_read(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    torch.save(make().model.state_dict(), folder / "pytorch_model.bin")
    with pytest.raises(ValueError, match="holds no model that can be used"):
        CausalLm(VOCAB, path=str(folder))

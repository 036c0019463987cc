from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from textgan.core.types import Vocabulary
from textgan.data import network
from textgan.generators import _transformers

VOCAB = Vocabulary(7, bos=1, eos=2, pad=0, forbidden_ids=(0, 1))


def config(architecture: str = "gpt2", **further: Any) -> Any:
    return _transformers.new_config(architecture, VOCAB, 2, 4, 16, further)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Saves a random GPT-2 with seven tokens, without a tokenizer."""
    torch.manual_seed(0)
    _transformers.save(_transformers.new_model(config()), VOCAB, tmp_path / "tiny")
    return tmp_path / "tiny"


@pytest.mark.parametrize(
    ("architecture", "expected"),
    [
        ("gpt2", {"n_layer": 2, "n_head": 4, "n_embd": 16, "activation_function": "gelu_pytorch_tanh"}),
        ("llama", {"intermediate_size": 64, "num_key_value_heads": 4, "head_dim": 4}),
        ("opt", {"ffn_dim": 64, "num_hidden_layers": 2}),
        ("qwen2", {"num_key_value_heads": 4}),  # 32 by default
    ],
)
def test_a_new_config_has_the_sizes_and_adapts_those_that_depend_on_them(
    architecture: str, expected: dict[str, Any]
) -> None:
    found = config(architecture)
    assert {name: getattr(found, name) for name in expected} == expected
    assert (found.vocab_size, found.bos_token_id, found.eos_token_id, found.pad_token_id) == (7, 1, 2, None)


def test_further_values_override_sizes_and_adapted_values() -> None:
    assert config("llama", intermediate_size=24, num_key_value_heads=2).intermediate_size == 24
    assert config(n_inner=24).n_inner == 24
    assert config(n_layer=3).num_hidden_layers == 3, "by the architecture's own name of a size"
    assert config(activation_function="relu").activation_function == "relu"


@pytest.mark.parametrize(
    ("architecture", "further", "message"),
    [
        ("lama", {}, r'^architecture=lama: not a causal language model of transformers; did you mean "llama"\?'),
        ("gpt2", {"layerz": 3}, r"^config\.layerz: unknown option of gpt2"),
        ("gpt2", {"vocab_size": 9}, r"^config\.vocab_size=9: differs from the tokenizer's 7 tokens; leave it out"),
        ("qwen2", {"layer_types": ["none"]}, r"^architecture=qwen2: invalid sizes \(.*\); change layers"),
    ],
)
def test_an_invalid_config_is_refused(architecture: str, further: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        config(architecture, **further)


def test_a_model_that_cannot_be_built_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^config: gpt2 cannot be built from it \(.*\); change these values"):
        _transformers.new_model(config(activation_function="none"))


def test_set_dropout_changes_every_rate() -> None:
    for architecture, names in {"gpt2": ("attn_pdrop", "embd_pdrop", "resid_pdrop"), "opt": ("dropout",)}.items():
        found = config(architecture)
        _transformers.set_dropout(found, 0.25)
        assert {getattr(found, name) for name in names} == {0.25}
    rates = {module.p for module in _transformers.new_model(found).modules() if isinstance(module, torch.nn.Dropout)}
    assert rates <= {0.25}


def test_saved_values_are_loaded_and_overridden(folder: Path) -> None:
    assert _transformers.saved_config(str(folder), None, {}).n_embd == 16
    assert _transformers.saved_config(str(folder), None, {"attn_pdrop": 0.5}).attn_pdrop == 0.5
    with pytest.raises(ValueError, match=r'^config\.atn_pdrop: unknown option of gpt2; did you mean "attn_pdrop"\?'):
        _transformers.saved_config(str(folder), None, {"atn_pdrop": 0.5})


def test_a_saved_model_is_loaded_with_its_weights(folder: Path) -> None:
    model = _transformers.saved_model(str(folder), None, _transformers.saved_config(str(folder), None, {}))
    torch.manual_seed(0)
    expected = _transformers.new_model(config()).state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in model.state_dict().items())
    settings = model.generation_config
    assert (settings.bos_token_id, settings.eos_token_id, settings.pad_token_id) == (1, 2, 0)
    assert settings.suppress_tokens == [0, 1]
    assert settings.do_sample


@pytest.mark.parametrize("path", ["./none", "/none", "~/none/none", "a/b/c"])
def test_a_folder_that_does_not_exist_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match=rf"^path={path}: folder not found; expected one that save_pretrained wrote"):
        _transformers.saved_config(path, None, {})


def test_a_model_on_the_hub_needs_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "_answers", lambda host, port: False)
    with pytest.raises(ValueError, match=r"^path=none/none: not on this machine, .* set path to its folder"):
        _transformers.saved_config("none/none", None, {})


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"cannot be loaded \(.*\); expected a causal language model in safetensors"):
        _transformers.saved_config(str(tmp_path), None, {})


def test_the_vocabulary_of_a_model_without_a_tokenizer_is_none(tmp_path: Path) -> None:
    """A Llama: for GPT-2, transformers makes a tokenizer without a file."""
    _transformers.save(_transformers.new_model(config("llama")), VOCAB, tmp_path)
    assert _transformers.saved_vocabulary(str(tmp_path), None) is None


def test_the_vocabulary_is_that_of_the_tokenizer(tmp_path: Path) -> None:
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    tokens = {"<s>": 0, "a": 1, "b": 2}
    backend = Tokenizer(models.WordLevel(tokens, unk_token="<s>"))
    PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="<s>").save_pretrained(tmp_path)
    config().save_pretrained(tmp_path)
    assert _transformers.saved_vocabulary(str(tmp_path), None) == tokens


@torch.no_grad()
def test_reading_more_tokens_does_not_change_a_state() -> None:
    model = _transformers.new_model(config()).eval()

    def read(ids: Tensor, state: _transformers.Layers) -> tuple[Tensor, _transformers.Layers]:
        cache = _transformers.to_cache(state)
        return model(input_ids=ids, past_key_values=cache, use_cache=True).logits, _transformers.from_cache(cache)

    ids = torch.randint(7, (2, 5))
    whole, _ = read(ids, ())
    first, state = read(ids[:, :3], ())
    assert len(state) == 2
    assert [part.shape for part in state[0]] == [(2, 4, 3, 4)] * 2
    before = [part.clone() for layer in state for part in layer]
    second, longer = read(ids[:, 3:], state)
    torch.testing.assert_close(torch.cat([first, second], 1), whole, atol=1e-5, rtol=1e-4)
    assert all(torch.equal(old, new) for old, new in zip(before, (p for layer in state for p in layer), strict=True))
    assert longer[0][0].shape == (2, 4, 5, 4)


def test_progress_bars_are_restored(folder: Path) -> None:
    from transformers.utils import logging

    logging.enable_progress_bar()
    with _transformers._no_progress_bars():
        assert not logging.is_progress_bar_enabled()
    assert logging.is_progress_bar_enabled()

"""What is needed of transformers: a model from a config or a folder, and its cache as plain tensors.

Every function imports transformers itself: that takes seconds, and components are listed and checked without.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from textgan.core.registry import suggest
from textgan.core.types import Vocabulary
from textgan.data.network import hub_is_offline

Layers = tuple[tuple[Tensor, Tensor], ...]
"""Keys and values of each layer, [R,heads,S,size]; empty before anything is read."""


def new_config(
    architecture: str, vocab: Vocabulary, layers: int, heads: int, hidden_dim: int, further: Mapping[str, Any]
) -> Any:
    """The config of a model that starts at random, in the sizes of `vocab` and of those given.

    What an architecture takes from its published models, and what must fit the sizes, follows them: the inner layers
    are four times as wide, and each head has keys of its own. No id is padding: a model reads none, and the embedding
    of one would never be trained.

    Raises:
        ValueError: if there is no such architecture, option or combination of sizes.
    """
    from transformers import CONFIG_MAPPING, MODEL_FOR_CAUSAL_LM_MAPPING, AutoConfig

    known = [name for name, kind in CONFIG_MAPPING.items() if kind in MODEL_FOR_CAUSAL_LM_MAPPING]
    if architecture not in known:
        raise ValueError(
            f"architecture is {architecture}, which is no causal language model{suggest(architecture, known)}"
        )
    default = AutoConfig.for_model(architecture)
    _refuse_unknown(further, default)
    fitting: dict[str, Any] = {
        "intermediate_size": 4 * hidden_dim,
        "ffn_dim": 4 * hidden_dim,
        "num_key_value_heads": heads,
        "head_dim": hidden_dim // heads,
    }
    sizes: dict[str, Any] = {
        "vocab_size": vocab.size,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "hidden_size": hidden_dim,
        "bos_token_id": vocab.bos,
        "eos_token_id": vocab.eos,
        "pad_token_id": None,
    }
    own = default.to_dict()
    fitting |= {
        name: "gelu_pytorch_tanh" for name, value in own.items() if value == "gelu_new"
    }  # the same, in one kernel
    wanted = {name: value for name, value in fitting.items() if name in own} | sizes | dict(further)
    wanted = {default.attribute_map.get(name, name): value for name, value in wanted.items()}
    try:
        config = AutoConfig.for_model(architecture, **wanted)
    except Exception as error:  # of many kinds: each config checks itself
        raise ValueError(f"{architecture} does not take these sizes ({_first(error)})") from error
    if config.vocab_size != vocab.size:
        raise ValueError(
            f"config has vocab_size {config.vocab_size}, but the tokenizer {vocab.size} words; leave it out"
        )
    return config


def saved_config(path: str, revision: str | None, further: Mapping[str, Any]) -> Any:
    """The config of a pretrained model, in a folder or on the Hub. Raises ValueError if there is none."""
    from transformers import AutoConfig

    config = _fetch(AutoConfig.from_pretrained, path, revision)
    _refuse_unknown(further, config)
    for name, value in further.items():
        setattr(config, name, value)
    return config


def set_dropout(config: Any, rate: float) -> None:
    """One rate for every place where the architecture has dropout."""
    for name, value in config.to_dict().items():
        if name.endswith(("dropout", "_pdrop", "dropout_prob")) and isinstance(value, int | float):
            setattr(config, name, rate)


def new_model(config: Any) -> Any:
    """A model with parameters at random. Raises ValueError if the config's values do not fit together."""
    from transformers import AutoModelForCausalLM

    try:
        return AutoModelForCausalLM.from_config(config, dtype=torch.float32, trust_remote_code=False)
    except Exception as error:  # of many kinds: each architecture checks itself, or runs into what does not fit
        raise ValueError(f"{config.model_type} cannot be built with this config ({_first(error)})") from error


def saved_model(path: str, revision: str | None, config: Any) -> Any:
    """A pretrained model, from safetensors alone: neither pickles nor code that comes with it are read.

    Raises:
        ValueError: if there are no such weights, or if some that the model needs are not among them.
    """
    from transformers import AutoModelForCausalLM

    with _silence():
        model, report = _fetch(
            AutoModelForCausalLM.from_pretrained,
            path,
            revision,
            config=config,
            dtype=torch.float32,
            use_safetensors=True,
            output_loading_info=True,
        )
    missing = sorted(report["missing_keys"])
    if missing:
        raise ValueError(
            f"{path} is no finished language model: it lacks {missing[0]} (weights missing: {len(missing)})"
        )
    return model


def save(model: Any, vocab: Vocabulary, folder: Path) -> None:
    """Writes a model for `AutoModelForCausalLM.from_pretrained`, with the ids that `generate` starts, ends and bars."""
    settings = model.generation_config
    settings.bos_token_id, settings.eos_token_id, settings.pad_token_id = vocab.bos, vocab.eos, vocab.pad
    settings.suppress_tokens = list(vocab.forbidden_ids) or None
    settings.do_sample = True
    with _silence():
        model.save_pretrained(folder)


def words_of(path: str, revision: str | None) -> Mapping[str, int] | None:
    """The tokens and ids of the tokenizer beside a pretrained model, or None if there is none."""
    from transformers import AutoTokenizer

    try:
        found: Mapping[str, int] = _fetch(AutoTokenizer.from_pretrained, path, revision).get_vocab()
    except ValueError:
        return None
    return found


def cache_of(state: Layers) -> Any:
    """The cache that holds a state. Nothing is copied, and nothing of the state is changed by what is read later."""
    from transformers.cache_utils import DynamicCache, DynamicLayer

    cache = DynamicCache()
    for keys, values in state:
        layer = DynamicLayer()
        layer.keys, layer.values = keys, values
        layer.dtype, layer.device, layer.is_initialized = keys.dtype, keys.device, True
        cache.layers.append(layer)
    return cache


def state_of(cache: Any) -> Layers:
    """What a cache holds."""
    return tuple((layer.keys, layer.values) for layer in cache.layers)


def _fetch(load: Any, path: str, revision: str | None, **options: Any) -> Any:
    """Calls a `from_pretrained`, without half a minute of retries where there is no network."""
    folder = Path(path).expanduser()
    local = folder.is_dir()
    if not local and (path[:1] in {".", "/", "~"} or path.count("/") > 1):
        raise ValueError(f"{path}: there is no such folder; name one that save_pretrained wrote, or a model on the Hub")
    offline = local or hub_is_offline()
    try:
        return load(
            str(folder) if local else path,
            revision=revision or "main",
            local_files_only=offline,
            trust_remote_code=False,
            **options,
        )
    except Exception as error:  # what is raised depends on which of its files is bad
        if offline and not local:
            raise ValueError(
                f"{path} is not on this machine, and the Hugging Face Hub cannot be reached; "
                "download it where there is a network, and name its folder"
            ) from error
        raise ValueError(f"{path} holds no model that can be used ({_first(error)})") from error


def _refuse_unknown(further: Mapping[str, Any], config: Any) -> None:
    known = sorted({*config.to_dict(), *config.attribute_map})
    for name in further:
        if name not in known:
            raise ValueError(f"config has {name}, which {config.model_type} does not know{suggest(name, known)}")


def _first(error: Exception) -> str:
    """The first line of what an error says."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


@contextmanager
def _silence() -> Iterator[None]:
    """No progress bars: a run has its own."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()

"""Wraps the transformers library: builds, loads and saves models, and converts their caches to plain tensors.

Each function imports transformers itself. The import takes seconds, and listing and checking components do not need it.
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
"""Keys and values of each layer, [R,heads,S,size]; empty before the first token is read."""


def new_config(
    architecture: str, vocab: Vocabulary, layers: int, heads: int, hidden_dim: int, further: Mapping[str, Any]
) -> Any:
    """Builds the config of a randomly initialised model of the given sizes.

    Sizes that the architecture's default config takes from a published model are adapted: inner layers are four times
    as wide as the features, and each attention head has its own keys. The config has no padding id: models never read
    padding, so its embedding would not be trained.

    Args:
        architecture: a `model_type` of transformers, such as gpt2.
        vocab: its size and special ids.
        layers: number of transformer layers.
        heads: attention heads of each layer.
        hidden_dim: size of the features.
        further: values of the config that override all others.

    Raises:
        ValueError: if the architecture or an option does not exist, or the sizes do not fit together.
    """
    from transformers import CONFIG_MAPPING, MODEL_FOR_CAUSAL_LM_MAPPING, AutoConfig

    known = [name for name, kind in CONFIG_MAPPING.items() if kind in MODEL_FOR_CAUSAL_LM_MAPPING]
    if architecture not in known:
        raise ValueError(
            f"architecture={architecture}: not a causal language model of transformers{suggest(architecture, known)}"
        )
    default = AutoConfig.for_model(architecture)
    _check_names(further, default)
    adapted: dict[str, Any] = {
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
    defaults = default.to_dict()
    # "gelu_pytorch_tanh" is the same function as "gelu_new", in one kernel
    adapted |= {name: "gelu_pytorch_tanh" for name, value in defaults.items() if value == "gelu_new"}
    values = {name: value for name, value in adapted.items() if name in defaults} | sizes | dict(further)
    values = {default.attribute_map.get(name, name): value for name, value in values.items()}
    try:
        config = AutoConfig.for_model(architecture, **values)
    except Exception as error:  # of any type: each config checks its own values
        raise ValueError(
            f"architecture={architecture}: invalid sizes ({_first_line(error)}); "
            "change layers, heads, hidden_dim or config"
        ) from error
    if config.vocab_size != vocab.size:
        raise ValueError(
            f"config.vocab_size={config.vocab_size}: differs from the tokenizer's {vocab.size} tokens; leave it out"
        )
    return config


def saved_config(path: str, revision: str | None, further: Mapping[str, Any]) -> Any:
    """Loads the config of a pretrained model.

    Args:
        path: a folder, or the name of a model on the Hub.
        revision: branch, tag or commit on the Hub; "main" by default.
        further: values that override the config's.

    Raises:
        ValueError: if there is no config, or it lacks one of these names.
    """
    from transformers import AutoConfig

    config = _fetch(AutoConfig.from_pretrained, path, revision)
    _check_names(further, config)
    for name, value in further.items():
        setattr(config, name, value)
    return config


def set_dropout(config: Any, rate: float) -> None:
    """Sets all dropout rates of a config to one value.

    Args:
        config: a config of transformers; changed in place.
        rate: in [0, 1].
    """
    for name, value in config.to_dict().items():
        if name.endswith(("dropout", "_pdrop", "dropout_prob")) and isinstance(value, int | float):
            setattr(config, name, rate)


def new_model(config: Any) -> Any:
    """Builds a randomly initialised model in float32.

    Raises:
        ValueError: if the config's values do not fit together.
    """
    from transformers import AutoModelForCausalLM

    try:
        return AutoModelForCausalLM.from_config(config, dtype=torch.float32, trust_remote_code=False)
    except Exception as error:  # of any type: architectures check their configs themselves, or fail while building
        raise ValueError(
            f"config: {config.model_type} cannot be built from it ({_first_line(error)}); change these values"
        ) from error


def saved_model(path: str, revision: str | None, config: Any) -> Any:
    """Loads a pretrained model in float32. Reads safetensors only: no pickles, and no code that comes with a model.

    Args:
        path: a folder, or the name of a model on the Hub.
        revision: branch, tag or commit on the Hub; "main" by default.
        config: the model's config.

    Raises:
        ValueError: if the weights are missing or incomplete.
    """
    from transformers import AutoModelForCausalLM

    with _no_progress_bars():
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
            f"path={path}: weights are missing ({len(missing)}, the first is {missing[0]}); "
            "expected all weights of a causal language model"
        )
    return model


def save(model: Any, vocab: Vocabulary, folder: Path) -> None:
    """Saves a model for `AutoModelForCausalLM.from_pretrained`, and the settings of its `generate`.

    Args:
        model: a model of transformers.
        vocab: the ids that `generate` starts with, ends with, pads with and never generates.
        folder: where to save it.
    """
    settings = model.generation_config
    settings.bos_token_id, settings.eos_token_id, settings.pad_token_id = vocab.bos, vocab.eos, vocab.pad
    settings.suppress_tokens = list(vocab.forbidden_ids) or None
    settings.do_sample = True
    with _no_progress_bars():
        model.save_pretrained(folder)


def saved_vocabulary(path: str, revision: str | None) -> Mapping[str, int] | None:
    """Returns the tokens and ids of a pretrained model's tokenizer, or None if the model comes without one.

    Args:
        path: a folder, or the name of a model on the Hub.
        revision: branch, tag or commit on the Hub; "main" by default.
    """
    from transformers import AutoTokenizer

    try:
        found: Mapping[str, int] = _fetch(AutoTokenizer.from_pretrained, path, revision).get_vocab()
    except ValueError:
        return None
    return found


def to_cache(state: Layers) -> Any:
    """Converts a state to a cache of transformers. Copies no tensor; reading more tokens does not change the state."""
    from transformers.cache_utils import DynamicCache, DynamicLayer

    cache = DynamicCache()
    for keys, values in state:
        layer = DynamicLayer()
        layer.keys, layer.values = keys, values
        layer.dtype, layer.device, layer.is_initialized = keys.dtype, keys.device, True
        cache.layers.append(layer)
    return cache


def from_cache(cache: Any) -> Layers:
    """Returns the keys and values of a cache of transformers."""
    return tuple((layer.keys, layer.values) for layer in cache.layers)


def _fetch(load: Any, path: str, revision: str | None, **options: Any) -> Any:
    """Calls a `from_pretrained` method. Without a network, fails at once instead of after half a minute of retries."""
    folder = Path(path).expanduser()
    local = folder.is_dir()
    if not local and (path[:1] in {".", "/", "~"} or path.count("/") > 1):
        raise ValueError(
            f"path={path}: folder not found; expected one that save_pretrained wrote, or a model on the Hub"
        )
    offline = local or hub_is_offline()
    try:
        return load(
            str(folder) if local else path,
            revision=revision or "main",
            local_files_only=offline,
            trust_remote_code=False,
            **options,
        )
    except Exception as error:  # of any type: it depends on which file is bad
        if offline and not local:
            raise ValueError(
                f"path={path}: not on this machine, and the Hugging Face Hub cannot be reached; "
                "download the model on a machine with a network, and set path to its folder"
            ) from error
        raise ValueError(
            f"path={path}: cannot be loaded ({_first_line(error)}); expected a causal language model in safetensors"
        ) from error


def _check_names(further: Mapping[str, Any], config: Any) -> None:
    """Raises ValueError if the config has no value of one of these names."""
    known = sorted({*config.to_dict(), *config.attribute_map})
    for name in further:
        if name not in known:
            raise ValueError(f"config.{name}: unknown option of {config.model_type}{suggest(name, known)}")


def _first_line(error: Exception) -> str:
    """Returns the first line of an error's message."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


@contextmanager
def _no_progress_bars() -> Iterator[None]:
    """Turns the progress bars of transformers off: a run has its own."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()

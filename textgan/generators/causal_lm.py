"""Causal language models of transformers, randomly initialised from a config or pretrained."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from textgan.core.errors import UserError
from textgan.core.options import Any, Mapping, PositiveInt, Probability
from textgan.core.roles import Head, Rollouts
from textgan.core.types import Batch, Samples, Vocabulary
from textgan.data.tokenizers.base import Tokenizer
from textgan.generation import sampling
from textgan.generation.autoregressive import Autoregressive
from textgan.generation.token_samplers import categorical
from textgan.generators import _transformers
from textgan.nn.lm_head import LinearHead, LogitsHead
from textgan.nn.logit_mask import logit_mask

FLOATS = 200_000_000
"""Floats in the caches of roll-outs to hold at once."""
EXPORT = "hf"
"""Subfolder of a finished model's folder, with a copy that `from_pretrained` reads."""


class CausalLm(Autoregressive):
    """A transformer language model of the Hugging Face library, pretrained or randomly initialised from a config.

    Its key-value cache is the sampler's state, so each token is read once; a whole text is read in one parallel pass.
    Parameters are 32-bit. Only safetensors are loaded, and code that comes with a model is never run.

    Args:
        path: a folder that `save_pretrained` wrote, or a name on the Hub such as openai-community/gpt2. Give the
            tokenizer the same one (`tokenizer: {name: pretrained, path: ...}`). Null initialises at random.
        revision: branch, tag or commit on the Hub; a commit pins the version permanently.
        architecture: gpt2, llama, qwen2, or another `model_type` of transformers. Like the sizes below, it is used
            only without `path`: a pretrained model has its own.
        layers: number of transformer layers.
        heads: attention heads of each layer.
        hidden_dim: size of the features; the inner layers are four times as wide.
        dropout: rate of all dropout layers of the architecture while training by likelihood. Null keeps the
            architecture's default, 0.1 for gpt2.
        config: further values of the model's config, such as {tie_word_embeddings: false}.
    """

    def __init__(
        self,
        vocab: Vocabulary,
        max_len: int | None = None,
        tokenizer: Tokenizer | None = None,
        exported: Path | None = None,
        path: str | None = None,
        revision: str | None = None,
        architecture: str = "gpt2",
        layers: PositiveInt = 2,
        heads: PositiveInt = 4,
        hidden_dim: PositiveInt = 128,
        dropout: Probability | None = None,
        config: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.vocab, self.tokenizer = vocab, tokenizer
        finished = exported / EXPORT if exported is not None and (exported / EXPORT).is_dir() else None
        further = config or {}
        if finished is not None:
            settings = _transformers.saved_config(str(finished), None, {})
        elif path is not None:
            settings = _transformers.saved_config(path, revision, further)
        else:
            settings = _transformers.new_config(architecture, vocab, layers, heads, hidden_dim, further)
        if dropout is not None:
            _transformers.set_dropout(settings, dropout)
        self.limit: int | None = getattr(settings, "max_position_embeddings", None)
        if self.limit is not None and max_len is not None and max_len > self.limit:
            raise ValueError(f"max_len={max_len}: too long for this model; expected at most {self.limit} tokens")
        if path is not None and finished is None:
            _check_vocabulary(path, revision, settings.vocab_size, vocab, tokenizer)
            self.model: Any = _transformers.saved_model(path, revision, settings)
        else:
            self.model = _transformers.new_model(settings)
        self.logit_mask: Tensor
        self.register_buffer("logit_mask", logit_mask(vocab), persistent=False)
        self.plain = True  # whether logits are a linear function of the base model's output; set by _check_cache
        state = self._check_cache()
        self.width = sum(part.numel() for layer in state for part in layer) // 4
        if path is None and finished is None and len(state) != layers:
            raise ValueError(
                f"layers={layers}: {architecture} does not use this size and has {len(state)} layers; "
                "set the architecture's own options in config"
            )

    def start(self, batch: Batch) -> sampling.State:
        if self.limit is not None and batch.tokens.shape[1] > self.limit:
            raise UserError(
                f"max_len={batch.tokens.shape[1]}: too long for this generator; expected at most {self.limit} tokens"
            )
        return ()

    def read(self, inputs: Tensor, state: sampling.State) -> tuple[Tensor, sampling.State]:
        cache = _transformers.to_cache(state)
        model = self.model.base_model if self.plain else self.model
        output = model(inputs_embeds=self._embed(inputs), past_key_values=cache, use_cache=True)
        return output[0], _transformers.from_cache(cache)

    @property
    def head(self) -> Head:
        last = self.model.get_output_embeddings()
        if self.plain and type(last) is nn.Linear:
            weight = last.weight[: self.vocab.size]
            return LinearHead(
                weight, self.logit_mask if last.bias is None else last.bias[: self.vocab.size] + self.logit_mask
            )
        return LogitsHead(lambda features: self._logits(features) + self.logit_mask, self.vocab.size)

    def rollouts(self, samples: Samples, count: int) -> Iterator[Rollouts]:
        """Yields roll-outs as `sampling.rollouts` does, of a few samples at a time, so that caches fit memory.

        Args:
            samples: [B,T].
            count: roll-outs of each prefix.
        """
        length = samples.x.shape[1]
        most = max(1, FLOATS // max(1, count * length * length * self.width))
        for first in range(0, len(samples), most):
            for part in sampling.rollouts(self, samples[first : first + most], count, categorical):
                yield part._replace(source=part.source + first)

    def shared_weights(self) -> Mapping[str, Tensor]:
        """Returns the token embeddings, [V,E], as the first layer reads them."""
        ids = torch.arange(self.vocab.size, device=self.logit_mask.device)
        return {"embedding.weight": self._embed(ids).detach()}

    def export(self, folder: Path) -> None:
        """Saves the model for `AutoModelForCausalLM` and `AutoTokenizer`, in the subfolder "hf"."""
        _transformers.save(self.model, self.vocab, folder / EXPORT)
        if self.tokenizer is not None:
            self.tokenizer.save(folder / EXPORT)

    def _logits(self, features: Tensor) -> Tensor:
        """Computes the logits of the tokenizer's tokens. A pretrained model may have unused rows after them."""
        return (self.model.get_output_embeddings()(features) if self.plain else features)[..., : self.vocab.size]

    def _embed(self, inputs: Tensor) -> Tensor:
        """Embeds ids [R,S] or points of the simplex [R,S,V] -> [R,S,E].

        Uses the model's embedding layer, because the layers of some architectures scale their output.
        """
        table = self.model.get_input_embeddings()
        if not inputs.is_floating_point():
            return table(inputs)  # type: ignore[no-any-return]
        rows: Tensor = table(torch.arange(self.vocab.size, device=inputs.device))  # [V,E]
        return inputs @ rows

    @torch.no_grad()
    def _check_cache(self) -> sampling.State:
        """Checks that logits computed token by token equal the model's logits of the whole text; sets `plain`.

        Reads four tokens in both ways. Architectures that scale or cap their logits use these as features, so `plain`
        is False. A cap only changes large logits, so the output embeddings are scaled up during the check.

        Returns:
            The state after the four tokens.

        Raises:
            ValueError: if the logits differ, as in models that are not causal or have another kind of cache.
        """
        kind, training = self.model.config.model_type, self.model.training
        self.model.eval()
        ids = torch.arange(4).remainder(self.vocab.size).unsqueeze(0)  # [1,4]
        try:
            weight = self.model.get_output_embeddings().weight
            before = weight.clone()
            weight.mul_(50 / self._reference_logits(ids).abs().max())
            expected = self._reference_logits(ids)  # [1,4,V]
            self.plain = _equal(self._logits(self.read(ids, ())[0]), expected)
            state: sampling.State = ()
            logits = []
            for token in functional.one_hot(ids, self.vocab.size).to(expected).split(1, dim=1):  # [1,1,V]
                features, state = self.read(token, state)
                logits.append(self._logits(features))
        except Exception as error:  # of any type: unsupported models fail in many ways
            raise ValueError(
                f"architecture={kind}: cannot be read token by token; expected a causal model with a key-value cache"
            ) from error
        if not _equal(torch.cat(logits, 1), expected):
            raise ValueError(
                f"architecture={kind}: logits computed token by token differ from those of the whole text; "
                "expected a causal model with a key-value cache"
            )
        weight.copy_(before)
        self.model.train(training)
        return state

    def _reference_logits(self, ids: Tensor) -> Tensor:
        """Computes the model's logits of whole texts without a cache, [R,S] -> [R,S,V]."""
        logits: Tensor = self.model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False).logits
        return logits[..., : self.vocab.size]


def _equal(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and torch.allclose(one, other, rtol=1e-4, atol=1e-4 * float(other.abs().max()))


def _check_vocabulary(
    path: str, revision: str | None, size: int, vocab: Vocabulary, tokenizer: Tokenizer | None
) -> None:
    """Raises ValueError if the tokenizer is not the pretrained model's. The model may have more ids than its tokenizer.

    Args:
        path: the model.
        revision: its revision on the Hub.
        size: the model's number of ids.
        vocab: the tokenizer's ids.
        tokenizer: if known, its tokens are compared, too.
    """
    expected = _transformers.saved_vocabulary(path, revision) if tokenizer is not None else None
    same = expected is not None and expected.items() <= tokenizer.backend.get_vocab().items()  # type: ignore[union-attr]
    if size < vocab.size or (size > vocab.size and not same) or (expected is not None and not same):
        raise ValueError(
            f"path={path}: the model's {size} tokens are not the tokenizer's {vocab.size}; "
            f"use the model's tokenizer, tokenizer={{name: pretrained, path: {path}}}"
        )

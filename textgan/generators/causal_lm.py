"""Any causal language model of transformers: from a config, at random, or pretrained."""

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
"""Floats of roll-outs' caches that are held at once."""
EXPORT = "hf"
"""Where in a model's folder the model stands once more as `from_pretrained` reads it."""


class CausalLm(Autoregressive):
    """A transformer language model of the Hugging Face library, from a config at random or pretrained.

    Its key and value cache is the sampler's state, so that each token is read once; a whole text is read in one
    parallel pass. Parameters are 32-bit. Only safetensors are read, and code that comes with a model is never run.

    Args:
        path: a folder that `save_pretrained` wrote, or a name on the Hub such as openai-community/gpt2; give the
            tokenizer the same one (`tokenizer: {name: pretrained, path: ...}`). Null starts at random.
        revision: branch, tag or commit on the Hub; a commit pins it for good.
        architecture: gpt2, llama, qwen2, or another `model_type` of transformers. As the sizes below, it is read
            only where there is no `path`: a pretrained model has its own.
        layers: transformer layers.
        heads: attention heads of each.
        hidden_dim: size of the features; the inner layers are four times as wide.
        dropout: rate while training by likelihood, at all places where the architecture has dropout. Null is its own,
            0.1 for gpt2.
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
        own = exported / EXPORT if exported is not None and (exported / EXPORT).is_dir() else None
        further = config or {}
        if own is not None:
            settings = _transformers.saved_config(str(own), None, {})
        elif path is not None:
            settings = _transformers.saved_config(path, revision, further)
        else:
            settings = _transformers.new_config(architecture, vocab, layers, heads, hidden_dim, further)
        if dropout is not None:
            _transformers.set_dropout(settings, dropout)
        self.limit: int | None = getattr(settings, "max_position_embeddings", None)
        if self.limit is not None and max_len is not None and max_len > self.limit:
            raise ValueError(f"it reads {self.limit} tokens, but texts have up to {max_len}; set max_len")
        if path is not None and own is None:
            _refuse_other_words(path, revision, settings.vocab_size, vocab, tokenizer)
            self.model: Any = _transformers.saved_model(path, revision, settings)
        else:
            self.model = _transformers.new_model(settings)
        self.logit_mask: Tensor
        self.register_buffer("logit_mask", logit_mask(vocab), persistent=False)
        self.plain = True
        state = self._try()
        self.width = sum(part.numel() for layer in state for part in layer) // 4
        if path is None and own is None and len(state) != layers:
            raise ValueError(f"{architecture} has {len(state)} layers, not {layers}; give its own sizes in config")

    def start(self, batch: Batch) -> sampling.State:
        if self.limit is not None and batch.tokens.shape[1] > self.limit:
            raise UserError(f"this generator reads {self.limit} tokens, not {batch.tokens.shape[1]}; set max_len")
        return ()

    def read(self, inputs: Tensor, state: sampling.State) -> tuple[Tensor, sampling.State]:
        cache = _transformers.cache_of(state)
        reader = self.model.base_model if self.plain else self.model
        read = reader(inputs_embeds=self._embed(inputs), past_key_values=cache, use_cache=True)
        return read[0], _transformers.state_of(cache)

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
        """A few samples at a time, where the caches of all would take too much memory."""
        length = samples.x.shape[1]
        most = max(1, FLOATS // max(1, count * length * length * self.width))
        for first in range(0, len(samples), most):
            for part in sampling.rollouts(self, samples[first : first + most], count, categorical):
                yield part._replace(source=part.source + first)

    def shared_weights(self) -> Mapping[str, Tensor]:
        """The vectors of the words, as they are read."""
        words = torch.arange(self.vocab.size, device=self.logit_mask.device)
        return {"embedding.weight": self._embed(words).detach()}

    def export(self, folder: Path) -> None:
        """For `AutoModelForCausalLM` and `AutoTokenizer`, in the folder "hf"."""
        _transformers.save(self.model, self.vocab, folder / EXPORT)
        if self.tokenizer is not None:
            self.tokenizer.save(folder / EXPORT)

    def _logits(self, features: Tensor) -> Tensor:
        """Of the tokenizer's words; a pretrained model may have room for more."""
        return (self.model.get_output_embeddings()(features) if self.plain else features)[..., : self.vocab.size]

    def _embed(self, inputs: Tensor) -> Tensor:
        """[R,S] | [R,S,V] -> [R,S,E]. Some architectures scale their embeddings, so it is they that look up."""
        table = self.model.get_input_embeddings()
        if not inputs.is_floating_point():
            return table(inputs)  # type: ignore[no-any-return]
        words: Tensor = table(torch.arange(self.vocab.size, device=inputs.device))  # [V,E]
        return inputs @ words

    @torch.no_grad()
    def _try(self) -> sampling.State:
        """Reads four words word by word, and compares with the model's own logits of all four at once.

        Architectures that scale or cap their logits give these instead of features. A cap shows in large logits alone,
        so the output embeddings are made larger for as long. Returns the state behind the four.

        Raises:
            ValueError: if the two differ, as those of models that look ahead or remember in another way.
        """
        kind, training = self.model.config.model_type, self.model.training
        self.model.eval()
        ids = torch.arange(4).remainder(self.vocab.size).unsqueeze(0)  # [1,4]
        try:
            weight = self.model.get_output_embeddings().weight
            before = weight.clone()
            weight.mul_(50 / self._own(ids).abs().max())
            own = self._own(ids)  # [1,4,V]
            self.plain = _equal(self._logits(self.read(ids, ())[0]), own)
            state: sampling.State = ()
            found = []
            for word in functional.one_hot(ids, self.vocab.size).to(own).split(1, dim=1):  # [1,1,V]
                features, state = self.read(word, state)
                found.append(self._logits(features))
        except Exception as error:  # whatever another kind of model says to our calls
            raise ValueError(f"{kind} models cannot be read word by word with a plain key and value cache") from error
        if not _equal(torch.cat(found, 1), own):
            raise ValueError(f"{kind} models do not give the same logits word by word as for the whole text")
        weight.copy_(before)
        self.model.train(training)
        return state

    def _own(self, ids: Tensor) -> Tensor:
        """The model's own logits of whole texts, [R,S] -> [R,S,V]."""
        own: Tensor = self.model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False).logits
        return own[..., : self.vocab.size]


def _equal(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and torch.allclose(one, other, rtol=1e-4, atol=1e-4 * float(other.abs().max()))


def _refuse_other_words(
    path: str, revision: str | None, size: int, vocab: Vocabulary, tokenizer: Tokenizer | None
) -> None:
    """A pretrained model means its own tokenizer's words. It may have room for more words than that has."""
    theirs = _transformers.words_of(path, revision) if tokenizer is not None else None
    known = theirs is not None and theirs.items() <= tokenizer.backend.get_vocab().items()  # type: ignore[union-attr]
    if size < vocab.size or (size > vocab.size and not known) or (theirs is not None and not known):
        raise ValueError(
            f"{path} has {size} words of its own, and the tokenizer has {vocab.size} that are not these; "
            f"use its own, tokenizer: {{name: pretrained, path: {path}}}"
        )

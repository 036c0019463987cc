"""Small evaluations: a few sentences in each split, and a generator with known probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from textgan.core.roles import Generator, TokenSampler
from textgan.core.types import Batch, Loss, Samples, Vocabulary
from textgan.data.corpus import Corpus, Split
from textgan.data.interfaces import Oracle
from textgan.metrics.base import Evaluation

PAD, BOS, EOS = 0, 1, 2


class Unigram(Generator):
    """Has the same distribution at every position, and on purpose a log-probability for padding, too."""

    def __init__(self, probabilities: Sequence[float]) -> None:
        super().__init__()
        self.log_probability = torch.nn.Parameter(torch.tensor(probabilities).log())
        self.rows: list[int] = []

    def sample(self, batch: Batch, token_sampler: TokenSampler | None = None) -> Samples:
        raise NotImplementedError

    def log_prob(self, samples: Samples) -> Tensor:
        self.rows.append(len(samples))
        return self.log_probability[samples.x]

    def likelihood(self, batch: Batch) -> Loss:
        raise NotImplementedError


class World:
    """Builds evaluations. Encodes words as ids in order of appearance, after padding, start and end."""

    def __init__(self, max_len: int = 12) -> None:
        self.max_len = max_len
        self.words: dict[str, int] = {}

    def batch(self, texts: Sequence[str]) -> Batch:
        tokens = torch.full((len(texts), self.max_len), PAD)
        for row, text in enumerate(texts):
            ids = [self.words.setdefault(word, len(self.words) + 3) for word in text.split()] + [EOS]
            ids = ids[: self.max_len]
            tokens[row, : len(ids)] = torch.tensor(ids)
        return Batch(tokens, tokens != PAD, torch.zeros_like(tokens, dtype=torch.bool))

    def __call__(
        self,
        texts: Sequence[str],
        test: Sequence[str] = ("a test",),
        train: Sequence[str] = ("some train text",),
        generator: Generator | None = None,
        oracle: Oracle | None = None,
        eos: int | None = EOS,
        forbidden_ids: tuple[int, ...] = (PAD, BOS),
    ) -> Evaluation:
        generated, held_out, trained = self.batch(texts), self.batch(test), self.batch(train)
        vocab = Vocabulary(len(self.words) + 3, BOS, eos, PAD, forbidden_ids)
        tokenizer: Any = SimpleNamespace(vocab=vocab)
        corpus = Corpus(
            Split(trained, train), Split(held_out, test), Split(held_out, test), tokenizer, oracle, self.max_len
        )
        samples = Samples(generated.tokens, generated.valid, generated.valid)
        return Evaluation(generator or self.uniform(), samples, texts, corpus)

    def uniform(self) -> Unigram:
        size = len(self.words) + 3
        return Unigram([1 / size] * size)

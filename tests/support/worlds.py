"""Small evaluations to measure: a few sentences in each split, a generator with known probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from textgan.data.corpus import Corpus, Split
from textgan.core.roles import TokenSampler, Generator
from textgan.metrics.base import Evaluation
from textgan.data.interfaces import Oracle
from textgan.core.types import Batch, Loss, Samples, Vocabulary

PAD, BOS, EOS = 0, 1, 2


class Unigram(Generator):
    """Each token alike at every position. On purpose it also has an opinion on padding."""

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
    """Encodes words as ids in order of appearance, behind padding, start and end, and builds evaluations."""

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
        ours, held, seen = self.batch(texts), self.batch(test), self.batch(train)
        vocab = Vocabulary(len(self.words) + 3, BOS, eos, PAD, forbidden_ids)
        tokenizer: Any = SimpleNamespace(vocab=vocab)
        corpus = Corpus(Split(seen, train), Split(held, test), Split(held, test), tokenizer, oracle, self.max_len)
        samples = Samples(ours.tokens, ours.valid, ours.valid)
        return Evaluation(generator or self.uniform(), samples, texts, corpus)

    def uniform(self) -> Unigram:
        size = len(self.words) + 3
        return Unigram([1 / size] * size)

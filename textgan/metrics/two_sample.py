"""A classifier two-sample test: can a new classifier distinguish samples from real text?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import torch
from scipy import stats
from torch import Tensor, nn
from torch.nn import functional

from textgan.core.errors import UserError
from textgan.core.options import PositiveInt
from textgan.core.types import Vocabulary
from textgan.data.corpus import Corpus, Split
from textgan.metrics.base import Evaluation, Metric
from textgan.nn.text_conv import TextConvolution

ROWS = 256
"""Sequences in a training step, half of them real; and in a piece that is classified."""
Rows = tuple[Tensor, Tensor]
"""Ids, and which of them are valid, [N,T] both."""
FEWEST = 20
"""Sequences of each kind in a half: fewer are not informative."""


class TwoSample(Metric):
    """Computes a classifier two-sample test (Lopez-Paz & Oquab 2017, arXiv:1610.06545) by a new classifier.

    Half of the samples and half of the test split train a convolutional classifier; it then classifies the other
    halves, equally many of each. Test sentences with a token that generators may not produce are left out, since
    that token alone would identify them.

    - `two_sample`: share of the held-out sequences that are classified correctly, 0 to 1; lower is better, 0.5 is a
      guess.
    - `two_sample_p`: the probability that guesses would be correct at least that often: exact, one-sided, binomial. A
      small value says that the samples do not have the distribution of the test split; a large one that this
      classifier, with that number of samples, found no difference.
    - `two_sample_real`: the same share for validation text instead of the samples, where there is enough of it. Above
      0.5 the splits themselves differ, and a model of one cannot pass for the other.

    The discriminator of the training is not a valid test, since the generator was trained against it. The figure grows
    with the number of samples, so compare figures of equal numbers.

    Args:
        steps: training steps of the classifier, with 128 sequences of each kind.
        filters: convolution filters of each width, 1 to 4 tokens.
    """

    default: ClassVar[bool] = False

    def __init__(self, *, steps: PositiveInt = 150, filters: PositiveInt = 32) -> None:
        self.steps, self.filters = steps, filters
        self._split: Split | None = None
        self._real: Mapping[str, float] = {}
        self._half = 0

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float]:
        corpus, samples = evaluation.corpus, evaluation.samples
        test = _possible(corpus.test, corpus.vocab)
        half = min(len(test[0]), len(samples)) // 2
        if half < FEWEST:
            raise UserError(
                f"evaluate.metrics=two_sample: {len(samples)} samples and {len(test[0])} test sentences are too few; "
                f"expected at least {2 * FEWEST} of each"
            )
        correct = self._count_correct((samples.x, samples.valid), test, half, corpus.vocab)
        self._half = half
        p = stats.binomtest(correct, 2 * half, 0.5, alternative="greater").pvalue
        return {"two_sample": correct / (2 * half), "two_sample_p": float(p), **self._reference(corpus, test)}

    def better(self) -> Mapping[str, Literal["higher", "lower"]]:
        return {"two_sample": "lower"}

    def signature(self) -> str:
        return f"two-sample|cnn:1-4x{self.filters}|steps:{self.steps}|held:{self._half}+{self._half}"

    def _reference(self, corpus: Corpus, test: Rows) -> Mapping[str, float]:
        """Compares validation with test text, once for all evaluations, from a seed of its own."""
        if self._split is not corpus.test:
            self._split, self._real = corpus.test, {}
            real = _possible(corpus.validation, corpus.vocab)
            half = min(len(test[0]), len(real[0])) // 2
            if half >= FEWEST:
                with torch.random.fork_rng(devices=[]):
                    torch.manual_seed(0)
                    share = self._count_correct(real, test, half, corpus.vocab) / (2 * half)
                self._real = {"two_sample_real": share}
        return self._real

    def _count_correct(self, fake: Rows, real: Rows, half: int, vocab: Vocabulary) -> int:
        """Trains a new classifier and counts how many of 2 * half held-out sequences it classifies correctly."""
        train, held_out = [], []
        for tokens, valid in (real, fake):
            order = torch.randperm(len(tokens), device=tokens.device)
            train.append((tokens[order[:half]], valid[order[:half]]))
            held_out.append((tokens[order[half : 2 * half]], valid[order[half : 2 * half]]))
        classifier = _Classifier(vocab.size, self.filters)
        with torch.enable_grad():
            _fit(classifier, train, self.steps)
        on_real, on_fake = (_logits(classifier, *each) for each in held_out)
        # A tie counts one half; rounding down favours the samples.
        ties = int((on_real == 0).sum() + (on_fake == 0).sum())
        return int((on_real > 0).sum() + (on_fake < 0).sum()) + ties // 2


def _possible(split: Split, vocab: Vocabulary) -> Rows:
    """Returns the sentences of a split that generators may produce: those without forbidden tokens."""
    batch = split.batch
    forbidden = torch.isin(batch.tokens, torch.tensor(vocab.forbidden_ids, dtype=torch.long)) & batch.valid
    rows = ~forbidden.any(1)
    return batch.tokens[rows], batch.valid[rows]


class _Classifier(nn.Module):
    """Embeddings, convolutions of four widths, max over time, a linear layer. A high logit means real."""

    def __init__(self, vocab_size: int, filters: int, embed_dim: int = 32) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, embed_dim)
        self.convolution = TextConvolution(embed_dim, (1, 2, 3, 4), (filters,) * 4)
        self.dropout = nn.Dropout(0.25)
        self.output = nn.Linear(4 * filters, 1)

    def forward(self, tokens: Tensor, valid: Tensor) -> Tensor:
        longest = int(valid.sum(1).max())
        tokens, valid = tokens[:, :longest], valid[:, :longest]
        pooled = self.convolution(self.embedding(tokens.masked_fill(~valid, 0)), valid)
        return self.output(self.dropout(pooled)).squeeze(1)  # type: ignore[no-any-return]


def _fit(classifier: _Classifier, kinds: list[Rows], steps: int) -> None:
    """Trains the classifier on random rows with AdamW and a learning rate that falls to 0. Real text is first."""
    optimizer = torch.optim.AdamW(classifier.parameters(), 3e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, steps)
    targets = torch.cat([torch.ones(ROWS // 2), torch.zeros(ROWS // 2)])
    for _ in range(steps):
        chosen = [torch.randint(len(tokens), (ROWS // 2,)) for tokens, _ in kinds]
        tokens, valid = (
            torch.cat([kind[part][rows] for kind, rows in zip(kinds, chosen, strict=True)]) for part in (0, 1)
        )
        optimizer.zero_grad()
        functional.binary_cross_entropy_with_logits(classifier(tokens, valid), targets).backward()
        optimizer.step()
        schedule.step()
    classifier.eval()


@torch.no_grad()
def _logits(classifier: _Classifier, tokens: Tensor, valid: Tensor) -> Tensor:
    pieces = zip(tokens.split(ROWS), valid.split(ROWS), strict=True)
    return torch.cat([classifier(rows, valid_rows) for rows, valid_rows in pieces])

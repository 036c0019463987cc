"""Whether a classifier that nobody has trained against can tell samples from real text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import torch
from scipy import stats
from torch import Tensor, nn
from torch.nn import functional

from textgan.errors import UserError
from textgan.nn.windows import TextConvolution
from textgan.options import PositiveInt
from textgan.roles import Evaluation, Metric

ROWS = 256
"""Sequences in a step, half of them real; and in a piece that is judged."""
LEAST = 20
"""Of each kind: fewer say nothing."""


class TwoSample(Metric):
    """A classifier two-sample test (Lopez-Paz & Oquab 2017, arXiv:1610.06545), with a new classifier each time.

    Half of the samples and half of the test split train a convolutional classifier; the other halves, as many of each,
    are told apart by it.

    - `two_sample`: share of these that it tells rightly, 0 to 1; lower is better, 0.5 is a guess.
    - `two_sample_p`: how often pure guesses would be right as often: exact, one-sided, binomial. A small one says that
      the samples are not of the law of the test split; a large one that this classifier, with so many samples, found
      no difference.

    A discriminator that was trained along with the generator is no test: the generator was trained to pass it. The
    figure grows with the number of samples, so compare figures of equal numbers.

    Args:
        steps: of its training, with 128 sequences of each kind.
        filters: of each width, 1 to 4 words.
    """

    usual: ClassVar[bool] = False

    def __init__(self, *, steps: PositiveInt = 200, filters: PositiveInt = 32) -> None:
        self.steps, self.filters = steps, filters
        self._held = 0

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float]:
        corpus, samples = evaluation.corpus, evaluation.samples
        test = corpus.test.batch
        half = min(len(test), len(samples)) // 2
        if half < LEAST:
            raise UserError(
                f"two_sample splits {len(test)} test sentences and {len(samples)} samples in halves; it needs at least "
                f"{2 * LEAST} of each"
            )
        learnt, held = [], []
        for tokens, valid in ((test.tokens, test.valid), (samples.x, samples.valid)):
            order = torch.randperm(len(tokens), device=tokens.device)
            learnt.append((tokens[order[:half]], valid[order[:half]]))
            held.append((tokens[order[half : 2 * half]], valid[order[half : 2 * half]]))
        classifier = _Classifier(corpus.vocab.size, self.filters)
        with torch.enable_grad():
            _fit(classifier, learnt, self.steps)
        real, written = (_logits(classifier, *each) for each in held)
        # A tie is half a hit; rounding down is to the samples' favour.
        right = int((real > 0).sum() + (written < 0).sum() + 0.5 * ((real == 0).sum() + (written == 0).sum()))
        self._held = half
        p = stats.binomtest(right, 2 * half, 0.5, alternative="greater").pvalue
        return {"two_sample": right / (2 * half), "two_sample_p": float(p)}

    def better(self) -> Mapping[str, Literal["higher", "lower"]]:
        return {"two_sample": "lower"}

    def signature(self) -> str:
        return f"two-sample|cnn:1-4x{self.filters}|steps:{self.steps}|held:{self._held}+{self._held}"


class _Classifier(nn.Module):
    """Embeddings, convolutions of four widths, max over time, a linear layer. High is real."""

    def __init__(self, words: int, filters: int, embed_dim: int = 32) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, embed_dim)
        self.convolution = TextConvolution(embed_dim, (1, 2, 3, 4), (filters,) * 4)
        self.dropout = nn.Dropout(0.25)
        self.output = nn.Linear(4 * filters, 1)

    def forward(self, tokens: Tensor, valid: Tensor) -> Tensor:
        pooled = self.convolution(self.embedding(tokens.masked_fill(~valid, 0)), valid)
        return self.output(self.dropout(pooled)).squeeze(1)  # type: ignore[no-any-return]


def _fit(classifier: _Classifier, kinds: list[tuple[Tensor, Tensor]], steps: int) -> None:
    """Real text first. Random rows, Adam, a step size that falls to 0."""
    optimizer = torch.optim.AdamW(classifier.parameters(), 3e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, steps)
    wanted = torch.cat([torch.ones(ROWS // 2), torch.zeros(ROWS // 2)])
    for _ in range(steps):
        drawn = [torch.randint(len(tokens), (ROWS // 2,)) for tokens, _ in kinds]
        tokens, valid = (
            torch.cat([kind[part][rows] for kind, rows in zip(kinds, drawn, strict=True)]) for part in (0, 1)
        )
        optimizer.zero_grad()
        functional.binary_cross_entropy_with_logits(classifier(tokens, valid), wanted).backward()
        optimizer.step()
        schedule.step()
    classifier.eval()


@torch.no_grad()
def _logits(classifier: _Classifier, tokens: Tensor, valid: Tensor) -> Tensor:
    pieces = zip(tokens.split(ROWS), valid.split(ROWS), strict=True)
    return torch.cat([classifier(rows, here) for rows, here in pieces])

"""Whether a classifier that nobody has trained against can tell samples from real text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import torch
from scipy import stats
from torch import Tensor, nn
from torch.nn import functional

from textgan.data.corpus import Corpus, Split
from textgan.core.errors import UserError
from textgan.nn.text_conv import TextConvolution
from textgan.core.options import PositiveInt
from textgan.metrics.base import Evaluation, Metric
from textgan.core.types import Vocabulary

ROWS = 256
"""Sequences in a step, half of them real; and in a piece that is judged."""
Rows = tuple[Tensor, Tensor]
"""Ids and which of them are valid, [N,T] both."""
LEAST = 20
"""Of each kind: fewer say nothing."""


class TwoSample(Metric):
    """A classifier two-sample test (Lopez-Paz & Oquab 2017, arXiv:1610.06545), with a new classifier each time.

    Half of the samples and half of the test split train a convolutional classifier; the other halves, as many of each,
    are told apart by it. Test sentences with a word that no generator may write are left out, since that word alone
    would give them away.

    - `two_sample`: share of these that it tells rightly, 0 to 1; lower is better, 0.5 is a guess.
    - `two_sample_p`: how often pure guesses would be right as often: exact, one-sided, binomial. A small one says that
      the samples are not of the law of the test split; a large one that this classifier, with so many samples, found
      no difference.
    - `two_sample_real`: the same share for validation text in the place of the samples, where there is enough of it.
      Above 0.5 the splits themselves differ, and no model of one can pass for the other.

    A discriminator that was trained along with the generator is no test: the generator was trained to pass it. The
    figure grows with the number of samples, so compare figures of equal numbers.

    Args:
        steps: of its training, with 128 sequences of each kind.
        filters: of each width, 1 to 4 words.
    """

    default: ClassVar[bool] = False

    def __init__(self, *, steps: PositiveInt = 150, filters: PositiveInt = 32) -> None:
        self.steps, self.filters = steps, filters
        self._split: Split | None = None
        self._real: Mapping[str, float] = {}
        self._held = 0

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float]:
        corpus, samples = evaluation.corpus, evaluation.samples
        test = _writable(corpus.test, corpus.vocab)
        half = min(len(test[0]), len(samples)) // 2
        if half < LEAST:
            raise UserError(
                f"two_sample splits {len(test[0])} test sentences and {len(samples)} samples in halves; it needs at "
                f"least {2 * LEAST} of each"
            )
        right = self._right((samples.x, samples.valid), test, half, corpus.vocab)
        self._held = half
        p = stats.binomtest(right, 2 * half, 0.5, alternative="greater").pvalue
        return {"two_sample": right / (2 * half), "two_sample_p": float(p), **self._reference(corpus, test)}

    def better(self) -> Mapping[str, Literal["higher", "lower"]]:
        return {"two_sample": "lower"}

    def signature(self) -> str:
        return f"two-sample|cnn:1-4x{self.filters}|steps:{self.steps}|held:{self._held}+{self._held}"

    def _reference(self, corpus: Corpus, test: Rows) -> Mapping[str, float]:
        """Validation beside test, once for all evaluations; from a seed of its own."""
        if self._split is not corpus.test:
            self._split, self._real = corpus.test, {}
            real = _writable(corpus.validation, corpus.vocab)
            half = min(len(test[0]), len(real[0])) // 2
            if half >= LEAST:
                with torch.random.fork_rng(devices=[]):
                    torch.manual_seed(0)
                    share = self._right(real, test, half, corpus.vocab) / (2 * half)
                self._real = {"two_sample_real": share}
        return self._real

    def _right(self, written: Rows, real: Rows, half: int, vocab: Vocabulary) -> int:
        """How many of 2 * half held-out sequences a new classifier tells rightly."""
        learnt, held = [], []
        for tokens, valid in (real, written):
            order = torch.randperm(len(tokens), device=tokens.device)
            learnt.append((tokens[order[:half]], valid[order[:half]]))
            held.append((tokens[order[half : 2 * half]], valid[order[half : 2 * half]]))
        classifier = _Classifier(vocab.size, self.filters)
        with torch.enable_grad():
            _fit(classifier, learnt, self.steps)
        theirs, ours = (_logits(classifier, *each) for each in held)
        # A tie is half a hit; rounding down is to the samples' favour.
        ties = int((theirs == 0).sum() + (ours == 0).sum())
        return int((theirs > 0).sum() + (ours < 0).sum()) + ties // 2


def _writable(split: Split, vocab: Vocabulary) -> Rows:
    """The sentences of a split that a generator may write, too."""
    batch = split.batch
    forbidden = torch.isin(batch.tokens, torch.tensor(vocab.forbidden_ids, dtype=torch.long)) & batch.valid
    rows = ~forbidden.any(1)
    return batch.tokens[rows], batch.valid[rows]


class _Classifier(nn.Module):
    """Embeddings, convolutions of four widths, max over time, a linear layer. High is real."""

    def __init__(self, words: int, filters: int, embed_dim: int = 32) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, embed_dim)
        self.convolution = TextConvolution(embed_dim, (1, 2, 3, 4), (filters,) * 4)
        self.dropout = nn.Dropout(0.25)
        self.output = nn.Linear(4 * filters, 1)

    def forward(self, tokens: Tensor, valid: Tensor) -> Tensor:
        longest = int(valid.sum(1).max())
        tokens, valid = tokens[:, :longest], valid[:, :longest]
        pooled = self.convolution(self.embedding(tokens.masked_fill(~valid, 0)), valid)
        return self.output(self.dropout(pooled)).squeeze(1)  # type: ignore[no-any-return]


def _fit(classifier: _Classifier, kinds: list[Rows], steps: int) -> None:
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

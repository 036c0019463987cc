"""BLEU as a reward: policy gradient without a discriminator, a baseline of SeqGAN's."""

from __future__ import annotations

import torch
from torch import Tensor

from textgan.metrics.functional.bleu import References
from textgan.data.corpus import Corpus
from textgan.core.errors import UserError
from textgan.core.options import PositiveInt
from textgan.core.roles import Reward
from textgan.core.types import Samples


class Bleu(Reward):
    """Pays a sentence its BLEU against the training text, 0 to 1 (PG-BLEU in Yu et al. 2017, arXiv:1609.05473).

    Each training sentence is a reference, and the score is that of the metric `bleu`, which looks at the test split
    instead. It knows nothing of how often a sentence should be written: what it pays best is whatever is surely right,
    again and again. Look at `self_bleu` and `unique` beside it.

    Args:
        order: longest n-grams that count.
        references: use only that many training sentences, the first.
    """

    def __init__(self, corpus: Corpus, order: PositiveInt = 4, references: PositiveInt | None = None) -> None:
        texts = corpus.train.texts[:references]
        if not len(texts):
            raise UserError("bleu pays for likeness to the training text, and there is none")
        self.tokenizer = corpus.tokenizer
        self.references = References.count(texts, order)

    def __call__(self, fake: Samples, real: Samples) -> Tensor:
        texts = self.tokenizer.decode(fake.x.cpu(), fake.valid.cpu())
        scores = torch.from_numpy(self.references.scores(texts)[-1])
        return scores.to(fake.x.device, torch.float32).unsqueeze(1)

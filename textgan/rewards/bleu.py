"""BLEU as a reward: policy gradient without a discriminator, one of SeqGAN's baselines."""

from __future__ import annotations

import torch
from torch import Tensor

from textgan.core.errors import UserError
from textgan.core.options import PositiveInt
from textgan.core.roles import Reward
from textgan.core.types import Samples
from textgan.data.corpus import Corpus
from textgan.metrics.functional.bleu import References


class Bleu(Reward):
    """Computes a sentence's BLEU against the training text, 0 to 1 (PG-BLEU in Yu et al. 2017, arXiv:1609.05473).

    Each training sentence is a reference. The score is that of the metric `bleu`, which uses the test split instead.
    The reward does not depend on how often a sentence is generated, so the optimum is to repeat whichever sentence is
    surely right. Read `self_bleu` and `unique` with it.

    Args:
        corpus: its training split provides the references.
        order: longest n-grams that count.
        references: use only that many training sentences, the first.
    """

    def __init__(self, corpus: Corpus, order: PositiveInt = 4, references: PositiveInt | None = None) -> None:
        texts = corpus.train.texts[:references]
        if not len(texts):
            raise UserError(
                "reward=bleu: the train split is empty; expected training text to compare with; "
                "give the data a train split"
            )
        self.tokenizer = corpus.tokenizer
        self.references = References.count(texts, order)

    def __call__(self, fake: Samples, real: Samples) -> Tensor:
        texts = self.tokenizer.decode(fake.x.cpu(), fake.valid.cpu())
        scores = torch.from_numpy(self.references.scores(texts)[-1])
        return scores.to(fake.x.device, torch.float32).unsqueeze(1)

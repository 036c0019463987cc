"""Rewards from any Python function of texts."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor

from textgan.core.errors import UserError
from textgan.core.roles import Reward
from textgan.core.types import Samples
from textgan.data.tokenizers.base import Tokenizer


class Scorer(Reward):
    """Computes rewards by a function of texts. Subclass it, or use the decorator `textgan.scorer`, which does.

    The function gets a list of texts and returns one number for each of them, higher = better. Texts that occur several
    times in a batch of roll-outs are scored once.
    """

    function: Callable[[Sequence[str]], Sequence[float]]

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer

    def __call__(self, fake: Samples, real: Samples) -> Tensor:
        texts = self.tokenizer.decode(fake.x.cpu(), fake.valid.cpu())
        distinct = {text: i for i, text in enumerate(dict.fromkeys(texts))}
        returned = self.function(list(distinct))
        if not isinstance(returned, Iterable):
            raise UserError(f"scorer: the function returned {returned!r}; expected a list of one number for each text")
        scores = list(returned)
        if len(scores) != len(distinct):
            raise UserError(
                f"scorer: the function returned {len(scores)} numbers for {len(distinct)} texts; "
                "expected one number for each text"
            )
        for text, score in zip(distinct, scores, strict=True):
            if not math.isfinite(score):
                raise UserError(f"scorer: the function returned {score} for {text!r}; expected a finite number")
        values = torch.tensor(scores, dtype=torch.float32)[[distinct[text] for text in texts]]
        return values.unsqueeze(1).to(fake.x.device)

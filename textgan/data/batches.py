"""Training batches as a pure function of the seed and the index, so that a run continues where it stopped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from textgan.data.interfaces import Blanks
from textgan.core.seeding import derive
from textgan.core.types import Batch


class Batches(Iterator[Batch]):
    """Endless training batches. Every epoch is a new permutation; what is left over at its end is dropped.

    Set `index` to continue at any place: what comes next is what an uninterrupted iterator gives there. Where
    there are fewer rows than `batch_size`, the permutations follow one another without a gap, so each batch
    is still full.

    Args:
        batch: all rows, [N,T], on any device.
        batch_size: rows of a batch.
        seed: decides the order, together with the index.
        blanks: says which tokens are given, where they are not all to be written.
    """

    def __init__(self, batch: Batch, batch_size: int, seed: int, blanks: Blanks | None = None) -> None:
        if not len(batch) or batch_size < 1:
            raise ValueError(f"no batches of {batch_size} rows out of {len(batch)}")
        self.batch, self.batch_size, self.seed, self.blanks = batch, batch_size, seed, blanks
        self.index = 0
        self._epoch = (-1, torch.empty(0))

    def __iter__(self) -> Batches:
        return self

    def __next__(self) -> Batch:
        rows, size = len(self.batch), self.batch_size
        if size <= rows:
            epoch, place = divmod(self.index, rows // size)
            chosen = self._order(epoch)[place * size : (place + 1) * size]
        else:
            first, last = self.index * size, (self.index + 1) * size
            epochs = range(first // rows, -(-last // rows))
            chosen = torch.cat([self._order(epoch) for epoch in epochs])[first % rows :][:size]
        self.index += 1
        return self._blanked(self.batch[chosen], self.index - 1)

    def _blanked(self, batch: Batch, index: int) -> Batch:
        """With the blanks of batch number `index`. What was given before stays given."""
        if self.blanks is None:
            return batch
        rng = torch.Generator().manual_seed(derive(self.seed, "blanks", index))
        return replace(batch, given=batch.given | self.blanks.given(batch, rng, index) & batch.valid)

    def _order(self, epoch: int) -> Tensor:
        """The rows in this epoch's order [N], kept on the data's device until the next epoch."""
        if self._epoch[0] != epoch:
            generator = torch.Generator().manual_seed(derive(self.seed, epoch))
            order = torch.randperm(len(self.batch), generator=generator)
            self._epoch = (epoch, order.to(self.batch.tokens.device))
        return self._epoch[1]

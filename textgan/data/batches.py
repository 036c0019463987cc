"""Iterates over training batches that depend only on the seed and the index, so that runs can be resumed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from textgan.core.seeding import derive
from textgan.core.types import Batch
from textgan.data.interfaces import Blanks


class Batches(Iterator[Batch]):
    """Yields training batches without end. Every epoch is a new permutation; an incomplete last batch is dropped.

    Set `index` to continue at any position: the next batch is that of an uninterrupted iterator. If there are fewer
    rows than `batch_size`, permutations are concatenated, so that each batch is full.

    Args:
        batch: all rows, [N,T], on any device.
        batch_size: rows in a batch.
        seed: determines the order, together with the index.
        blanks: chooses which tokens are given, for generators that fill in the others; None gives none.

    Raises:
        ValueError: if there are no rows, or if `batch_size` is less than 1.
    """

    def __init__(self, batch: Batch, batch_size: int, seed: int, blanks: Blanks | None = None) -> None:
        if not len(batch) or batch_size < 1:
            raise ValueError(
                f"batch_size={batch_size}: no such batch from {len(batch)} rows; expected at least 1 of each"
            )
        self.batch, self.batch_size, self.seed, self.blanks = batch, batch_size, seed, blanks
        self.index = 0
        self._epoch = (-1, torch.empty(0))

    def __iter__(self) -> Batches:
        return self

    def __next__(self) -> Batch:
        rows, size = len(self.batch), self.batch_size
        if size <= rows:
            epoch, position = divmod(self.index, rows // size)
            chosen = self._order(epoch)[position * size : (position + 1) * size]
        else:
            first, last = self.index * size, (self.index + 1) * size
            epochs = range(first // rows, -(-last // rows))
            chosen = torch.cat([self._order(epoch) for epoch in epochs])[first % rows :][:size]
        self.index += 1
        return self._blanked(self.batch[chosen], self.index - 1)

    def _blanked(self, batch: Batch, index: int) -> Batch:
        """Adds the blanks of a batch; tokens that are given stay given."""
        if self.blanks is None:
            return batch
        rng = torch.Generator().manual_seed(derive(self.seed, "blanks", index))
        return replace(batch, given=batch.given | self.blanks.given(batch, rng, index) & batch.valid)

    def _order(self, epoch: int) -> Tensor:
        """Returns the order of the rows in an epoch, [N], on the data's device; cached until the next epoch."""
        if self._epoch[0] != epoch:
            generator = torch.Generator().manual_seed(derive(self.seed, epoch))
            order = torch.randperm(len(self.batch), generator=generator)
            self._epoch = (epoch, order.to(self.batch.tokens.device))
        return self._epoch[1]

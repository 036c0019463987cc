"""Scoring many sequences by table look-ups, as roll-outs are scored, is judging them."""

from __future__ import annotations

import pytest
import torch

from textgan.core.types import Samples, Vocabulary
from textgan.discriminators.text_cnn import TextCnn

SHAPES = [
    # V, T, rows, widths, filters: SeqGAN's filters on small text; a long text; few words in a large vocabulary
    (7, 2, 3000, (1, 2, 3), 4),
    (300, 20, 5000, (1, 2, 3, 10, 15, 20), (10, 20, 20, 10, 16, 16)),
    (50, 61, 700, (4, 5), 3),
    (20_000, 6, 200, (2, 5), 8),
]


@torch.no_grad()
@pytest.mark.parametrize("shape", SHAPES)
def test_scores_of_many_rows_are_verdicts(
    shape: tuple[int, int, int, tuple[int, ...], int | tuple[int, ...]],
) -> None:
    size, length, rows, widths, filters = shape
    torch.manual_seed(size)
    d = TextCnn(Vocabulary(size, bos=0, eos=None, pad=0), 8, widths, filters).eval()
    valid = torch.arange(length) < torch.randint(length + 1, (rows, 1))
    samples = Samples(torch.randint(size, (rows, length)), valid, valid)
    expected = torch.cat(
        [
            d._verdict(d.convolution(d.embedding(p.x), p.valid)).logits
            for p in map(samples.__getitem__, torch.arange(rows).split(97))
        ]
    )
    torch.testing.assert_close(d.score(samples).logits, expected, rtol=1e-4, atol=1e-5)
    assert expected.std() > 0.01

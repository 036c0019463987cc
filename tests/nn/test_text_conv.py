from __future__ import annotations

import pytest
import torch
from torch import Tensor

from textgan.nn.text_conv import TextConvolution
from textgan.ops import library
from textgan.ops.device import DeviceProfile, assume

SHAPES = [
    # V, B, T, E, widths, counts
    (7, 5, 2, 3, (1, 2), (4, 3)),
    (7, 9, 2, 3, (1, 3, 5), (2, 1, 3)),  # filters that are wider than any sequence
    (7, 8, 1, 2, (1, 2), (3, 3)),
    (3, 1, 13, 1, (13,), (1,)),
    (50, 40, 11, 6, (2, 4, 20), (5, 7, 2)),
    (9_000, 2_500, 9, 3, (2, 9), (17, 33)),  # more filters than a table of the kernel holds
    (200, 3, 9, 4, (3,), (4,)),  # fewer tokens than the tables would have rows
]


def by_hand(conv: TextConvolution, embedding: Tensor, x: Tensor, valid: Tensor) -> Tensor:
    """Computes one sequence, one filter width, one window at a time."""
    found = []
    for ids, real in zip(x, valid, strict=True):
        vectors = [embedding[i] for i, here in zip(ids.tolist(), real.tolist(), strict=True) if here]
        row = []
        for width, layer in zip(conv.widths, conv.filters, strict=True):
            filled = vectors + [torch.zeros(embedding.shape[1])] * max(0, width - len(vectors))
            each = [layer(torch.cat(filled[s : s + width])) for s in range(len(filled) - width + 1)]
            row.append(torch.stack(each).relu().amax(0))
        found.append(torch.cat(row))
    return torch.stack(found)


def case(
    shape: tuple[int, int, int, int, tuple[int, ...], tuple[int, ...]],
) -> tuple[TextConvolution, Tensor, Tensor, Tensor]:
    size, rows, length, dim, widths, counts = shape
    torch.manual_seed(size)
    conv = TextConvolution(dim, widths, counts)
    x = torch.randint(size, (rows, length))
    lengths = torch.randint(length + 1, (rows, 1))  # some sequences are empty
    lengths[0] = length
    return conv, torch.randn(size, dim), x, torch.arange(length) < lengths


DEVICES = {
    "tables": DeviceProfile(1_280_000, is_async=False, prefers_gather=True),
    "tables, one row at a time": DeviceProfile(1, is_async=False, prefers_gather=True),
    "kernel": DeviceProfile(1_280_000, is_async=False, prefers_gather=True, compiled_kernels=True),
    "products": DeviceProfile(1_280_000, is_async=True, prefers_gather=False),
    "products, one row at a time": DeviceProfile(1, is_async=True, prefers_gather=False),
}


@torch.no_grad()
@pytest.mark.parametrize("shape", SHAPES)
def test_forward_computes_the_formula(shape: tuple[int, int, int, int, tuple[int, ...], tuple[int, ...]]) -> None:
    conv, embedding, x, valid = case(shape)
    torch.testing.assert_close(conv(embedding[x], valid), by_hand(conv, embedding, x, valid))


@torch.no_grad()
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("device", DEVICES)
def test_scoring_ids_computes_the_formula(
    shape: tuple[int, int, int, int, tuple[int, ...], tuple[int, ...]], device: str
) -> None:
    if device == "kernel" and library.load() is None:
        pytest.skip("no compiler, or kernels are turned off")
    conv, embedding, x, valid = case(shape)
    with assume(DEVICES[device]):
        found = conv.score_ids(embedding, x, valid)
    torch.testing.assert_close(found, by_hand(conv, embedding, x, valid))


@torch.no_grad()
def test_points_of_the_simplex_are_scored_too() -> None:
    conv, embedding, x, valid = case(SHAPES[4])
    soft = torch.nn.functional.one_hot(x, 50).float()
    torch.testing.assert_close(conv.score_ids(embedding, soft, valid), conv(embedding[x], valid))


@torch.no_grad()
def test_padding_is_not_read() -> None:
    conv, embedding, x, valid = case(SHAPES[4])
    junk = torch.where(valid, x, 49 - x)
    torch.testing.assert_close(conv(embedding[junk], valid), conv(embedding[x], valid))
    torch.testing.assert_close(conv.score_ids(embedding, junk, valid), conv(embedding[x], valid))


def test_windows_beyond_the_end_do_not_count() -> None:
    """With a filter for which a window of zeros would have a larger activation than the real one."""
    conv = TextConvolution(1, (2,), (1,))
    with torch.no_grad():
        conv.filters[0].weight.fill_(-1.0)  # type: ignore[union-attr]
        conv.filters[0].bias.fill_(3.0)  # type: ignore[union-attr]
    embedding, x = torch.tensor([[1.0]]), torch.zeros(1, 4, dtype=torch.long)
    for length, expected in ((4, 1.0), (2, 1.0), (1, 2.0), (0, 3.0)):
        valid = torch.arange(4).unsqueeze(0) < length
        assert conv(embedding[x], valid).item() == expected
        with torch.no_grad():
            assert conv.score_ids(embedding, x, valid).item() == expected


def test_gradients_are_finite_for_an_empty_sequence() -> None:
    conv, embedding, x, valid = case(SHAPES[1])
    embedding.requires_grad_()
    conv(embedding[x], valid & (torch.arange(9).unsqueeze(1) > 2)).sum().backward()
    assert embedding.grad is not None
    assert embedding.grad.isfinite().all()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in conv.parameters())

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor

import textgan.types
from textgan.core.types import Batch, Samples, Vocabulary


def batch(rows: int = 3, length: int = 4) -> Batch:
    tokens = torch.arange(rows * length).view(rows, length)
    return Batch(tokens, tokens % 5 != 0, tokens % 3 == 0)


def equal(one: Batch | Samples, other: Batch | Samples) -> bool:
    pairs = zip(dataclasses.astuple(one), dataclasses.astuple(other), strict=True)
    return all(torch.equal(a, b) and a.dtype == b.dtype for a, b in pairs)


def test_a_blank_batch_has_nothing_given() -> None:
    blank = Batch.blank(2, 5)
    assert len(blank) == 2
    assert blank.tokens.shape == (2, 5)
    assert blank.tokens.dtype == torch.long
    assert blank.valid.all()
    assert not blank.given.any()
    assert blank.valid.dtype == blank.given.dtype == torch.bool


@pytest.mark.parametrize("rows", [slice(1, 3), slice(0, 0), torch.tensor([2, 0, 2]), torch.tensor([True, False, True])])
def test_rows_are_selected_from_all_parts(rows: Tensor | slice) -> None:
    b = batch()
    s = Samples(b.tokens, b.valid, b.given)
    assert equal(b[rows], Batch(b.tokens[rows], b.valid[rows], b.given[rows]))
    assert equal(s[rows], Samples(b.tokens[rows], b.valid[rows], b.given[rows]))
    assert len(b[rows]) == len(s[rows]) == len(b.tokens[rows])


def test_joining_the_pieces_restores_the_whole() -> None:
    b = batch()
    s = Samples(b.tokens, b.valid, b.given)
    assert equal(Batch.cat([b[:1], b[1:]]), b)
    assert equal(Samples.cat([s[:2], s[2:]]), s)


def test_moving_to_a_device_moves_all_parts() -> None:
    b = batch().to("meta")
    assert {part.device.type for part in (b.tokens, b.valid, b.given)} == {"meta"}
    s = Samples(b.tokens, b.valid, b.given).to(torch.device("meta"))
    assert {part.device.type for part in (s.x, s.valid, s.chosen)} == {"meta"}
    assert Batch.blank(1, 1, "meta").given.device.type == "meta"


def test_samples_in_another_space_keep_their_masks() -> None:
    b = batch()
    s = Samples(b.tokens, b.valid, b.given)
    soft = torch.rand(3, 4, 12)
    found = s.with_x(soft)
    assert found.x is soft
    assert found.valid is s.valid
    assert found.chosen is s.chosen
    assert s.x is b.tokens


def test_values_cannot_be_assigned() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        batch().tokens = torch.zeros(1)  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        Vocabulary(3, 0, None, 0).size = 4  # type: ignore[misc]
    assert Vocabulary(3, 0, None, 0).forbidden_ids == ()


def test_plugins_import_the_same_names() -> None:
    assert textgan.types.Batch is Batch
    assert textgan.types.Samples is Samples

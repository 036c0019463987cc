"""Blanks of MaskGAN: their rate, their positions and their schedule."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from textgan import recipe
from textgan.core import registry, spec
from textgan.data.batches import Batches
from textgan.roles import Blanks
from textgan.types import Batch
from textgan_plugins.maskgan.blanks import Contiguous, Random

LENGTHS = torch.tensor([12, 7, 1, 3] * 3000)


def batch() -> Batch:
    valid = torch.arange(12) < LENGTHS.unsqueeze(1)
    return Batch(torch.zeros_like(valid, dtype=torch.long), valid, torch.zeros_like(valid))


def blanked(blanks: Blanks, seed: int = 0, index: int = 0) -> Tensor:
    given = blanks.given(batch(), torch.Generator().manual_seed(seed), index)
    assert not (given & ~batch().valid).any(), "padding is never given"
    return batch().valid & ~given


KINDS = pytest.mark.parametrize("kind", [Contiguous, Random])


@KINDS
@pytest.mark.parametrize("rate", [0.0, 0.3, 0.5, 1.0])
def test_the_mean_share_of_blanks_is_the_rate(kind: type[Contiguous], rate: float) -> None:
    share = blanked(kind(rate)).sum(1) / LENGTHS
    for length in (12, 7, 1, 3):
        error = 5 * share[length == LENGTHS].std() / 3000**0.5 + 1e-6
        assert share[length == LENGTHS].mean().item() == pytest.approx(rate, abs=error.item())


@KINDS
def test_blanks_depend_on_the_given_random_numbers_only(kind: type[Contiguous]) -> None:
    before = torch.get_rng_state()
    blanks = kind(0.5, rate_jitter=0.5, full_blank_rate=0.2)
    assert torch.equal(blanked(blanks, 3, 8), blanked(blanks, 3, 8))
    assert not torch.equal(blanked(blanks, 3), blanked(blanks, 4))
    assert torch.equal(torch.get_rng_state(), before), "the global random state must not change"


def test_contiguous_blanks_are_one_run_at_a_uniform_position() -> None:
    found = blanked(Contiguous(0.4))
    starts = (found & ~torch.nn.functional.pad(found, (1, 0))[:, :-1]).sum(1)
    assert starts.max() == 1
    rows = found[LENGTHS == 12]
    first = rows.float().argmax(1)[rows.sum(1) == 5]  # 12 * 0.4 = 4.8 is 4 or 5
    expected = len(first) / 8
    assert torch.bincount(first, minlength=8).tolist() == pytest.approx([expected] * 8, abs=5 * expected**0.5)


def test_random_blanks_are_independent() -> None:
    rows = blanked(Random(0.5))[LENGTHS == 12].float()
    pairs = (rows.T @ rows / len(rows)).fill_diagonal_(0.25)
    assert (pairs - 0.25).abs().max() < 5 * (0.25 * 0.75 / len(rows)) ** 0.5


@KINDS
@pytest.mark.parametrize("options", [{"final_rate": 0.9}, {"over": 10}])
def test_an_incomplete_schedule_is_refused(kind: type[Contiguous], options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="expected both or neither"):
        kind(**options)  # type: ignore[arg-type]


def test_a_resumed_run_has_the_same_blanks() -> None:
    data = batch()[:100]
    batches = Batches(data, 10, 0, Contiguous(0.2, final_rate=0.9, over=20))
    expected = [next(batches) for _ in range(15)][-1]
    resumed = Batches(data, 10, 0, Contiguous(0.2, final_rate=0.9, over=20))
    resumed.index = 14
    assert torch.equal(next(resumed).given, expected.given)


@KINDS
def test_the_rate_changes_with_the_batch(kind: type[Contiguous]) -> None:
    assert blanked(kind(0.2, final_rate=1.0, over=10), index=10)[0].all()
    assert not blanked(kind(0.0, final_rate=1.0, over=10), index=0).any()


@KINDS
def test_full_blanks_include_the_end(kind: type[Contiguous]) -> None:
    assert torch.equal(blanked(kind(0.0, full_blank_rate=1.0)), batch().valid)


def test_recipes_use_them_by_name() -> None:
    for name, kind in (("contiguous", Contiguous), ("random", Random)):
        component = registry.find("blanks", name)
        assert component.load() is kind
        assert all(option.doc for option in spec.read(component).options.values())
        filled = recipe.load("seqgan", [f"blanks={name}", "blanks.rate=0.3"]).filled["blanks"]
        assert filled == {
            "name": name,
            "rate": 0.3,
            "rate_jitter": 0.0,
            "full_blank_rate": 0.0,
            "final_rate": None,
            "over": 0,
        }

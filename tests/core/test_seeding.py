from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from textgan.core.seeding import derive, seed_all, stream


def draw() -> list[float]:
    """Random numbers of each global generator, an odd number of normal ones among them."""
    return [*torch.rand(2).tolist(), *np.random.randn(3), np.random.rand(), random.gauss(0, 1), random.random()]


def test_seeds_are_fixed_numbers() -> None:
    """A change would change the results of every run."""
    assert derive(0) == 3456079177858693020
    assert derive(7, "data", 3) == 6975685844921256464


def test_seeds_depend_on_each_part() -> None:
    seeds = [derive(0), derive(1), derive(0, "a"), derive(0, "b"), derive(0, "a", "b"), derive(0, "a", 1), derive(0, 1)]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_a_stream_is_repeated_whatever_was_drawn_before() -> None:
    with stream(3, "data"):
        first = torch.rand(4)
    torch.rand(random.randrange(9))
    with stream(3, "data"):
        assert torch.equal(torch.rand(4), first)
    with stream(3, "model"):
        assert not torch.equal(torch.rand(4), first)


def test_outside_a_stream_the_state_is_restored() -> None:
    torch.manual_seed(5)
    expected = torch.rand(2, 4)
    torch.manual_seed(5)
    found = [torch.rand(4)]
    with stream(0, "x"):
        torch.rand(100)
    found.append(torch.rand(4))
    assert torch.equal(torch.stack(found), expected)


def test_the_state_is_restored_after_an_exception() -> None:
    before = torch.get_rng_state()

    def fail() -> None:
        with stream(0):
            torch.rand(3)
            raise ValueError("inside")

    with pytest.raises(ValueError, match="inside"):
        fail()
    assert torch.equal(torch.get_rng_state(), before)


def test_streams_can_be_nested() -> None:
    with stream(0, "outer"):
        expected = torch.rand(2)
    with stream(0, "outer"):
        first = torch.rand(1)
        with stream(0, "inner"):
            torch.rand(9)
        assert torch.equal(torch.cat([first, torch.rand(1)]), expected)


def test_all_global_generators_are_seeded() -> None:
    seed_all(2**63 - 1)
    first = draw()
    draw()
    seed_all(2**63 - 1)
    assert draw() == first
    seed_all(0)
    assert not set(draw()) & set(first)


def test_a_stream_repeats_and_restores_numpy_and_python() -> None:
    seed_all(1)
    expected = [draw(), draw()]
    with stream(3, "x"):
        inside = draw()
    seed_all(1)
    found = [draw()]
    with stream(3, "x"):
        assert draw() == inside
    found.append(draw())
    assert found == expected

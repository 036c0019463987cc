"""A recipe with values of wrong types in any place is refused with its problems; the checker itself never fails."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

from textgan import recipe
from textgan.core.errors import UserError

VALUES: list[Any] = [
    3, -1, 1.5, True, None, "x", "", "a.b", "\x1b[31m", 1e40, float("nan"), float("inf"), 10**30,
    [], [["a"]], [1], [None], [{}], ["likelihood"], {}, {"a": 1}, {3: 4}, {"generator": {"a": "b"}}, {"generator": 3},
    {"name": 3}, {"name": "x"}, {"name": ["a"]}, {"name": None},
]  # fmt: skip
KEYS = ["x", "name", 3, "generator", "discriminator", "reward", "turns", "updates", "every", "rounds", "objective"]
RECIPES = ("seqgan", "vae", "maskgan", "gumbel_softmax", "inverse_rl")


def places(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yields the path of every value in a tree."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from places(value, (*path, key))


def mutate(tree: dict[str, Any], rng: random.Random) -> None:
    """Replaces a value of the tree, or adds one next to it."""
    *path, last = rng.choice(list(places(tree)))
    parent: Any = tree
    for key in path:
        parent = parent[key]
    key = rng.choice(KEYS) if isinstance(parent, dict) and rng.random() < 0.25 else last
    parent[key] = copy.deepcopy(rng.choice(VALUES))


@pytest.mark.parametrize("seed", range(8))
def test_the_checker_reports_problems_and_never_fails(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    filled = {name: recipe.load(name).filled for name in RECIPES}
    for _ in range(40):
        tree = copy.deepcopy(filled[rng.choice(RECIPES)])
        for _ in range(rng.choice([1, 1, 2])):
            mutate(tree, rng)
        file = tmp_path / "mutant.yaml"
        file.write_text(yaml.safe_dump(tree), encoding="utf-8")
        with suppress(UserError):
            recipe.load(str(file))

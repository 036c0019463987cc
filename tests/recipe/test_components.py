"""Blocks of one component: names, options, and objects of the run."""

from __future__ import annotations

from typing import Any

import pytest

from textgan.core import registry
from textgan.core.options import PositiveInt
from textgan.core.spec import MISSING, Option
from textgan.recipe.components import ComponentChecker
from textgan.recipe.problems import Location


@pytest.fixture
def checker() -> ComponentChecker:
    return ComponentChecker({(): Location("mine.yaml", 1), ("generator", "layers"): Location("mine.yaml", 4)})


def texts(checker: ComponentChecker) -> list[str]:
    return [f"{'.'.join(map(str, p.path))}: {p.text}" for p in checker.problems]


def test_a_name_is_a_block_with_all_defaults(checker: ComponentChecker) -> None:
    filled = checker.component("loss", "bce", ("loss",))
    assert filled == {"name": "bce", "reward_transform": "probability", "smoothing": 0.0}
    assert checker.component("loss", {"name": "bce"}, ("loss",)) == filled
    assert checker.specs["loss"].component.name == "bce"
    assert not checker.problems


@pytest.mark.parametrize(
    ("block", "message"),
    [
        (3, "loss: expected the name of a loss, or a mapping with its name and options"),
        (["bce"], "loss: expected the name of a loss, or a mapping with its name and options"),
        ({"smoothing": 0.1}, "loss.name: is missing; expected the name of a loss: bce, hinge, "),
        ({"name": 3}, "loss.name: is missing; expected the name of a loss"),
        ("bcee", 'loss: there is no loss "bcee"; did you mean "bce"?'),
    ],
)
def test_blocks_that_name_no_component(checker: ComponentChecker, block: Any, message: str) -> None:
    assert checker.component("loss", block, ("loss",)) is None
    (text,) = texts(checker)
    assert text.startswith(message)
    assert "loss" not in checker.specs


def test_options_are_checked_and_located(checker: ComponentChecker) -> None:
    checker.component("generator", {"name": "lstm", "layers": 0, "hiden_dim": 3}, ("generator",))
    assert texts(checker) == [
        'generator.hiden_dim: lstm has no option "hiden_dim"; did you mean "hidden_dim" (default 32)?',
        "generator.layers: expected at least 1, found 0",
    ]
    assert [p.location and p.location.line for p in checker.problems] == [1, 4]


def test_an_unknown_option_far_from_all_others_lists_them(checker: ComponentChecker) -> None:
    checker.component("reward", {"name": "constant", "zzz": 1}, ("reward",))
    checker.component("reward", {"name": "adversarial", "zzz": 1}, ("reward",))
    assert texts(checker)[0] == 'reward.zzz: constant has no option "zzz"; it has: value'
    assert texts(checker)[1] == 'reward.zzz: adversarial has no option "zzz"; it has none'


def test_a_required_option_is_missing_with_its_meaning(checker: ComponentChecker) -> None:
    table = {"a": Option("a", "PositiveInt", PositiveInt, MISSING, "What it is."), "b": Option("b", "int", int, (1, 2))}
    assert checker.options({"a": 1}, table, ("x",), "a thing") == {"a": 1, "b": [1, 2]}
    checker.options({}, table, ("x",), "a thing")
    assert texts(checker) == ["x.a: is missing; a thing needs it: What it is."]


def test_objects_of_the_run_are_not_options(checker: ComponentChecker) -> None:
    checker.component("optimizer", {"name": "adam", "lr": 1.0, "parameters": 3}, ("optimizers", "generator"))
    assert texts(checker) == [
        "optimizers.generator.parameters: adam receives its parameters from the run; leave it out"
    ]


def test_extra_options_are_those_of_the_block(checker: ComponentChecker) -> None:
    extra = {"clip": Option("clip", "float", float, 5.0)}
    filled = checker.component("optimizer", {"name": "sgd", "lr": 1.0}, ("optimizers", "g"), extra)
    assert filled["clip"] == 5.0


def test_blocks_that_a_component_needs_are_noted_once_each(checker: ComponentChecker) -> None:
    checker.component("reward", "adversarial", ("reward",))
    checker.component("objective", "discriminate", ("phases", "a", "turns", "discriminate"))
    assert checker.absent["discriminator"] == {
        ("reward",): "adversarial",
        ("phases", "a", "turns", "discriminate"): "discriminate",
    }
    assert not checker.problems


def test_broken_blocks_are_not_needed_again(checker: ComponentChecker) -> None:
    checker.broken.add("discriminator")
    checker.need("discriminator", ("reward",), "adversarial")
    assert not checker.absent


def test_an_argument_that_a_kind_does_not_receive(checker: ComponentChecker) -> None:
    @registry.register("loss", "late")
    class Late:
        def __init__(self, estimator: object) -> None: ...

    checker.component("loss", "late", ("loss",))
    assert texts(checker) == ['loss: "late" has an argument estimator, which a loss does not receive']


@pytest.mark.parametrize("value", [None, {}])
def test_null_is_an_empty_mapping_or_list(checker: ComponentChecker, value: Any) -> None:
    assert checker.mapping(value, ("log",)) == {}
    assert checker.sequence(None, ("callbacks",)) == []
    assert not checker.problems


def test_other_values_are_reported_as_found(checker: ComponentChecker) -> None:
    assert checker.mapping([1], ("log",)) == {}
    assert checker.sequence({"a": 1}, ("callbacks",)) == []
    assert texts(checker) == [
        "log: expected a mapping, found a list",
        "callbacks: expected a list, found a mapping",
    ]

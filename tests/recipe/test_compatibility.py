"""The rules of what fits together, on components that exist only here."""

from __future__ import annotations

from typing import Any

import pytest

from textgan.core import registry, spec
from textgan.core.registry import Component
from textgan.core.spec import Spec
from textgan.recipe.compatibility import fitting, incompatibilities, missing, offering, repairs

BASE: dict[str, dict[str, Any]] = {
    "data": {"output_type": "text"},
    "tokenizer": {},
    "blanks": {},
    "generator": {
        "sample_space": {"score": "ids", "path": "simplex"},
        "capabilities": frozenset({"log_prob", "rollouts"}),
    },
    "discriminator": {
        "input_spaces": frozenset({"ids", "simplex"}),
        "granularity": "sequence",
        "capabilities": frozenset({"features"}),
    },
    "loss": {
        "requires": frozenset(),
        "requires_generator": frozenset(),
        "input_spaces": frozenset({"ids", "simplex", "latent"}),
    },
    "estimator": {"mode": "score", "requires": frozenset(), "reward_granularity": frozenset({"sequence", "token"})},
    "reward": {"input_spaces": frozenset({"ids", "simplex"}), "differentiable": True, "granularity": "sequence"},
    "decoding": {"requires": frozenset()},
}


def made(kind: str, **traits: Any) -> Spec:
    """A component called `my-KIND` with some traits other than those of the base."""
    shared = frozenset({"discriminator", "loss"}) if kind == "reward" else frozenset()
    component = Component(kind, f"my-{kind}", "nowhere:Nothing", "tests", "1")
    return Spec(component, {}, shared, {**BASE[kind], **traits})


def specs(**changed: dict[str, Any] | None) -> dict[str, Spec]:
    """The base, with traits changed; a kind that is None is left out."""
    return {kind: made(kind, **(changed.get(kind) or {})) for kind in BASE if changed.get(kind, {}) is not None}


def found(**changed: dict[str, Any] | None) -> dict[str, str]:
    return dict(incompatibilities(specs(**changed)))


def test_the_base_fits() -> None:
    assert found() == {}
    assert found(estimator={"mode": "path"}) == {}


PATH = {"mode": "path"}

CASES: list[tuple[dict[str, Any], str, str]] = [
    ({"data": {"output_type": "ids"}}, "tokenizer", 'data "my-data" provides ids, which need no tokenizer'),
    (
        {"generator": {"capabilities": frozenset({"noise"})}},
        "blanks",
        '"my-blanks" gives the generator tokens to keep; generator "my-generator" generates whole sentences from noise '
        "and cannot keep any",
    ),
    (
        {"generator": {"sample_space": {"path": "simplex"}}},
        "estimator",
        '"my-estimator" trains by score gradients, which generator "my-generator" does not allow',
    ),
    (
        {"estimator": PATH, "reward": {"differentiable": False}},
        "reward",
        '"my-reward" has no gradient, which estimator "my-estimator" follows',
    ),
    (
        {"loss": {"requires": frozenset({"double_backward"})}},
        "loss",
        '"my-loss" needs a discriminator that offers double_backward; "my-discriminator" does not',
    ),
    (
        {"loss": {"requires_generator": frozenset({"codes"})}},
        "loss",
        '"my-loss" needs a generator that offers codes; "my-generator" does not',
    ),
    (
        {"estimator": {"requires": frozenset({"noise"})}},
        "estimator",
        '"my-estimator" needs a generator that offers noise; "my-generator" does not',
    ),
    (
        {"decoding": {"requires": frozenset({"codes"})}},
        "decoding",
        '"my-decoding" needs a generator that offers codes; "my-generator" does not',
    ),
    (
        {"discriminator": {"granularity": "token"}, "estimator": {"reward_granularity": frozenset({"sequence"})}},
        "estimator",
        '"my-estimator" cannot use a reward for each token, which "my-discriminator" gives',
    ),
    (
        {"discriminator": None, "loss": None, "estimator": {"reward_granularity": frozenset({"token"})}},
        "estimator",
        '"my-estimator" cannot use a reward for each sequence, which "my-reward" gives',
    ),
    (
        {"discriminator": {"input_spaces": frozenset({"latent"})}},
        "discriminator",
        '"my-discriminator" cannot read ids, which generator "my-generator" produces for estimator "my-estimator"',
    ),
    (
        {"estimator": PATH, "loss": {"input_spaces": frozenset({"ids"})}},
        "loss",
        '"my-loss" cannot read simplex, which generator "my-generator" produces for estimator "my-estimator"',
    ),
    (
        {"estimator": PATH, "reward": {"input_spaces": frozenset({"ids"})}},
        "reward",
        '"my-reward" cannot read simplex, which generator "my-generator" produces for estimator "my-estimator"',
    ),
    (
        {"estimator": PATH, "discriminator": {"input_spaces": frozenset({"simplex"})}},
        "discriminator",
        '"my-discriminator" reads the simplex, but not ids, which are its corners',
    ),
]


@pytest.mark.parametrize(("changed", "block", "text"), CASES, ids=[f"{i}-{case[1]}" for i, case in enumerate(CASES)])
def test_each_rule_names_the_block_and_the_reason(changed: dict[str, Any], block: str, text: str) -> None:
    assert found(**changed) == {block: text}


def test_a_block_has_one_reason_the_most_general() -> None:
    """A reward without a gradient usually reads no relaxed text either; a generator without scores has no roll-outs."""
    reasons = found(estimator=PATH, reward={"differentiable": False, "input_spaces": frozenset({"ids"})})
    assert list(reasons) == ["reward"]
    assert "has no gradient" in reasons["reward"]
    reasons = found(
        generator={"sample_space": {"path": "simplex"}, "capabilities": frozenset()},
        estimator={"requires": frozenset({"rollouts"})},
    )
    assert list(reasons) == ["estimator"]
    assert "trains by score gradients" in reasons["estimator"]


@pytest.mark.parametrize("kind", ["generator", "estimator", "discriminator", "loss", "reward", "tokenizer", "blanks"])
def test_rules_skip_blocks_that_a_recipe_does_not_have(kind: str) -> None:
    assert found(**{kind: None}) == {}


def test_what_is_missing_is_listed_in_order() -> None:
    asking, giving = made("loss", requires=frozenset({"b", "a", "features"})), made("discriminator")
    assert [text.split(";")[0] for text in missing(asking, giving)] == [
        '"my-loss" needs a discriminator that offers a',
        '"my-loss" needs a discriminator that offers b',
    ]


def test_components_that_offer_something() -> None:
    assert offering("generator", "noise") == "; expected one such as latent"
    assert offering("generator", "nothing") == ""


def read(**names: str) -> dict[str, Spec]:
    return {kind: spec.read(registry.find(kind, name)) for kind, name in names.items()}


SEQGAN = {
    "generator": "lstm",
    "discriminator": "text_cnn",
    "loss": "bce",
    "estimator": "rollout",
    "reward": "adversarial",
}


def test_repairs_replace_one_component_where_that_is_enough() -> None:
    mismatched = read(**{**SEQGAN, "discriminator": "mlp"})
    assert list(repairs(mismatched, "discriminator")) == [{"discriminator": "text_cnn"}]
    repaired = list(repairs(read(**{**SEQGAN, "generator": "latent"}), "estimator"))
    assert {"generator": "lstm"} in repaired
    assert all(len(changes) == 1 for changes in repaired)
    assert {"estimator": "pathwise"} not in repaired, "the discriminator could not read its samples"


def test_repairs_replace_two_components_if_necessary() -> None:
    vae = read(generator="vae", discriminator="mlp", loss="bce", estimator="reinforce", reward="adversarial")
    repaired = list(repairs(vae, "estimator"))
    assert {"estimator": "gumbel_softmax", "discriminator": "text_cnn"} in repaired
    assert all(len(changes) == 2 for changes in repaired)
    for changes in repaired:
        changed = {**vae, **read(**{kind: name for kind, name in changes.items() if name})}
        assert "estimator" not in dict(incompatibilities(changed))


def test_repairs_leave_out_what_a_recipe_need_not_have() -> None:
    ids = read(data="oracle", tokenizer="word", **SEQGAN)
    assert list(repairs(ids, "tokenizer")) == [{"tokenizer": None}]
    noise = read(generator="latent", blanks="random")
    assert {"blanks": None} in list(repairs(noise, "blanks"))
    assert {"generator": "lstm"} in list(repairs(noise, "blanks"))


def test_components_to_add_fit_and_need_nothing_else() -> None:
    recipe = read(**SEQGAN)
    del recipe["discriminator"]
    assert fitting(recipe, "discriminator", ["discriminator"]) == ["text_cnn"]
    alone = read(generator="lstm")
    assert fitting(alone, "reward", ["reward", "estimator"]) == ["bleu", "constant"]
    assert "adversarial" in fitting(alone, "reward", ["reward", "discriminator", "loss"])


def test_a_component_that_declares_too_little_is_not_suggested() -> None:
    @registry.register("discriminator", "bare")
    class Bare:
        """Lacks what `Discriminator` declares."""

    mismatched = read(**{**SEQGAN, "discriminator": "mlp"})
    assert list(repairs(mismatched, "discriminator")) == [{"discriminator": "text_cnn"}]

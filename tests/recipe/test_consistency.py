"""Recipes whose components do not fit: each cause is reported once, and the suggested fixes work."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import pytest
from support.recipes import SMALL, problems, write_recipe

from textgan.recipe import load
from textgan.recipe.consistency import _advice, _removal

INCOMPATIBLE = [
    "seqgan discriminator=mlp",
    "seqgan discriminator=token_attention",
    "seqgan discriminator=mlp loss=wasserstein",
    "seqgan estimator=pathwise",
    "seqgan generator=latent",
    "seqgan generator=vae",
    "seqgan generator=latent estimator=pathwise",
    "seqgan estimator=gumbel_softmax",
    "seqgan reward=bleu estimator=gumbel_softmax",
    "seqgan data=oracle tokenizer=word",
    "gumbel_softmax loss=importance_weighted",
    "latextgan blanks=contiguous",
    "latextgan estimator=reinforce",
    "latextgan discriminator=text_cnn",
    "latextgan decoding=beam",
    "latextgan reward=bleu",
    "mle decoding=gaussian_codes",
    "rankgan discriminator=token_lstm",
    "vae phases.train.turns=[scheduled_sampling]",
]


def fixes(problem: str) -> list[list[str]]:
    """Returns the fixes that a problem suggests, each as its settings."""
    if leave_out := re.search(r"; (controls\.\S+=null) leaves this control out$", problem):
        return [[leave_out[1]]]
    return [text.split() for text in re.split(r", | or ", problem.partition("; use ")[2])]


@pytest.mark.parametrize("command", INCOMPATIBLE)
def test_one_cause_is_one_problem_and_every_fix_works(command: str) -> None:
    recipe, *settings = command.split()
    (problem,) = problems(recipe, *settings)
    found = fixes(problem)
    assert all(all("=" in setting for setting in fix) for fix in found)
    for fix in found:
        assert load(recipe, [*settings, *fix]).filled["phases"], fix


def test_suggestions_fit_the_rest_of_the_recipe() -> None:
    """A token-level discriminator also reads ids, but the roll-outs of this recipe cannot use its scores."""
    (found,) = problems("seqgan", "discriminator=mlp")
    assert found == (
        'command line discriminator "mlp" cannot read ids, which generator "lstm" produces for estimator "rollout"; '
        "use discriminator=text_cnn"
    )


def test_a_fix_may_need_two_changes(tmp_path: Path) -> None:
    text = SMALL.replace("{name: lstm, hidden_dim: 8}", "latent").replace("bce", "wasserstein")
    text = text.replace("{name: rollout, rollouts: 2}", "pathwise").replace("text_cnn", "mlp")
    assert load(write_recipe(tmp_path, text))
    mismatched = text.replace("mlp", "token_lstm")
    (found,) = problems(write_recipe(tmp_path, mismatched))
    assert '"wasserstein" needs a discriminator that offers double_backward; "token_lstm" does not' in found
    assert fixes(found) == [["discriminator=mlp"]]


def test_controls_are_left_out_by_a_fix_that_they_do_not_fit() -> None:
    (found,) = problems("seqgan", "generator=latent", "estimator=pathwise")
    assert fixes(found) == [["discriminator=mlp", "controls.constant-reward=null"]]


def test_a_mistake_elsewhere_does_not_hide_the_fixes() -> None:
    found = problems("seqgan", "discriminator=mlp", "seed=x")
    assert len(found) == 2
    assert any(line.endswith("; use discriminator=text_cnn") for line in found)


def test_two_causes_are_two_problems() -> None:
    found = problems("seqgan", "data=oracle", "tokenizer=word", "discriminator=mlp")
    assert len(found) == 2
    assert sorted(fix for line in found for (fix,) in fixes(line)) == ["discriminator=text_cnn", "tokenizer=null"]


def test_a_control_is_not_reported_before_the_recipe_fits() -> None:
    """Its reward without a gradient is a consequence of the estimator, which has to be replaced anyway."""
    (found,) = problems("seqgan", "estimator=pathwise")
    assert found.startswith('command line estimator "pathwise" needs a generator that offers noise')


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (
            "mle decoding=best_of",
            '"best_of" needs a discriminator, which this recipe does not have; add discriminator=',
        ),
        ("mle reward=adversarial", '"adversarial" needs a discriminator and a loss, which this recipe does not have'),
        (
            "mle phases.likelihood.turns=[adversarial]",
            '"adversarial" needs an estimator and a reward, which this recipe',
        ),
        ("seqgan discriminator=null", '"discriminate" and "warm_start" need a discriminator, which this recipe does'),
        ("seqgan loss=null", '"adversarial" and "discriminate" need a loss, which this recipe does not have; add loss'),
        (
            "seqgan estimator=null",
            "need an estimator, which this recipe does not have; add estimator=NAME (one of ",
        ),
    ],
)
def test_a_missing_block_is_one_problem_with_all_that_need_it(command: str, message: str) -> None:
    recipe, *settings = command.split()
    (found,) = problems(recipe, *settings)
    assert message in found
    removals = found.partition("or set ")[2].split(", ")
    assert load(recipe, [*settings, *removals], controls=False), "leaving out what needs the block works"
    added = found.partition("; add ")[2].partition(", or set ")[0] + ","
    choices = {kind: (several or one).split(", ") for kind, several, one in CHOICES.findall(added)}
    combinations = [dict(zip(choices, names, strict=True)) for names in product(*choices.values())]
    left = [remaining(recipe, *settings, *(f"{k}={n}" for k, n in each.items())) for each in combinations]
    assert not [line for lines in left for line in lines if "does not have" in line]
    if len(choices) == 1:
        assert not any(left), "every name fits"
    else:
        assert not all(left), "some combination fits"


CHOICES = re.compile(r"(\w+)=(?:NAME \(one of ([^)]*)\)|(\w+))(?=,| and )")


def remaining(recipe: str, *settings: str) -> list[str]:
    try:
        load(recipe, settings, controls=False)
    except Exception as error:
        return str(error).splitlines()[1:]
    return []


def test_a_callback_needs_the_players_without_a_default(tmp_path: Path) -> None:
    alone = SMALL.replace("discriminator: text_cnn\nloss: bce\n", "reward: bleu\n")
    alone = alone.replace(", discriminator: {objective: discriminate, times: 2}", "")
    load(write_recipe(tmp_path, alone + "callbacks: [{name: anneal, option: x.y, phase: first, start: 0, end: 1}]\n"))
    (found,) = problems(write_recipe(tmp_path, alone + "callbacks: [{name: warm_start, phase: first}]\n"))
    assert found.startswith('line 10 callbacks.0 "warm_start" needs a discriminator, which this recipe does not have')
    assert found.endswith("or set callbacks=[]")


def test_an_objective_that_the_generator_does_not_support_is_reported_once(tmp_path: Path) -> None:
    text = SMALL.replace("{name: lstm, hidden_dim: 8}", "vae").replace("{name: rollout, rollouts: 2}", "gumbel_softmax")
    text = text.replace("[likelihood]", "{a: scheduled_sampling, b: scheduled_sampling}")
    (found,) = problems(write_recipe(tmp_path, text))
    assert (
        '"scheduled_sampling" needs a generator that offers inputs; "vae" does not; use phases.first.turns.a=' in found
    )


def test_at_most_six_fixes_are_shown() -> None:
    assert _advice(["a"]) == "; use a"
    assert _advice(["a", "b"]) == "; use a or b"
    assert _advice(list("abcdefgh")) == "; use a, b, c, d, e or f"


@pytest.mark.parametrize(
    ("path", "setting"),
    [
        (("callbacks", 0), "callbacks=[]"),
        (("reward",), "reward=constant"),
        (("decoding",), "decoding=ancestral"),
        (("evaluate", "metrics", 2), "evaluate.metrics=null"),
        (("phases", "a", "turns", "b"), "phases.a.turns.b=null"),
        (("loss",), "loss=null"),
    ],
)
def test_settings_that_leave_something_out(path: tuple[str | int, ...], setting: str) -> None:
    assert _removal(path) == setting

"""Checking a whole recipe: every problem at once, each at its line, and what follows from defaults."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.recipes import SMALL, problems, write_recipe

from textgan.recipe import load


def test_five_mistakes_are_five_problems_with_their_lines(tmp_path: Path) -> None:
    text = SMALL.replace("rollouts: 2", "rolouts: 2").replace("hidden_dim: 8", "hidden_dim: -8")
    text = text.replace("lr: 1e-2", "lr: fast").replace("bce", "bcee").replace("[likelihood]", "[likelihod]")
    assert problems(write_recipe(tmp_path, text)) == [
        "line 3 generator.hidden_dim expected at least 1, found -8",
        'line 5 loss there is no loss "bcee"; did you mean "bce"?',
        'line 6 estimator.rolouts rollout has no option "rolouts"; did you mean "rollouts" (default 16)?',
        'line 7 optimizers.generator.lr expected a number, found the text "fast"',
        'line 9 phases.first.turns.likelihod there is no objective "likelihod"; did you mean "likelihood"?',
    ]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("data: grammar", "dta: grammar", 'a recipe has no option "dta"; did you mean "data"?'),
        ("data: grammar\n", "", "data is missing; a recipe needs a data block (there are: "),
        ("generator: {name: lstm, hidden_dim: 8}\n", "", "a recipe needs a generator block"),
        ("loss: bce", "loss: bce\nseed: 1.5", "line 6 seed expected a whole number, found 1.5"),
        ("loss: bce", "loss: bce\nlog: {evry: 3}", 'log has no option "evry"; did you mean "every" (default 10)?'),
        ("loss: bce", "loss: bce\nlog: [3]", "line 6 log expected a mapping, found a list"),
        ("loss: bce", "loss: bce\ncallbacks: anneal", 'callbacks expected a list, found the text "anneal"'),
        ("loss: bce", "loss: bce\noptimizer: 3", 'has no option "optimizer"; did you mean "optimizers"?'),
        (
            "optimizers: {generator: {lr: 1e-2}, ",
            "optimizers: {generator: 3, ",
            "expected the name of an optimizer, or",
        ),
    ],
)
def test_mistakes_at_the_top_of_a_recipe(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert any(message in line for line in problems(write_recipe(tmp_path, SMALL.replace(old, new))))


def test_a_missing_generator_is_one_problem(tmp_path: Path) -> None:
    text = SMALL.replace("generator: {name: lstm, hidden_dim: 8}\n", "")
    assert len(problems(write_recipe(tmp_path, text))) == 1


def test_a_wrong_block_is_not_reported_again_where_it_is_needed(tmp_path: Path) -> None:
    (found,) = problems(write_recipe(tmp_path, SMALL.replace("text_cnn", "text_cn")))
    assert 'there is no discriminator "text_cn"' in found


def test_blocks_without_a_name_are_of_the_default_component(tmp_path: Path) -> None:
    filled = load(write_recipe(tmp_path, SMALL + "tokenizer: {min_count: 2}\ndecoding: {temperature: 0.5}\n")).filled
    assert (filled["tokenizer"]["name"], filled["tokenizer"]["min_count"]) == ("word", 2)
    assert (filled["decoding"]["name"], filled["decoding"]["temperature"]) == ("ancestral", 0.5)
    assert filled["reward"]["name"] == "adversarial"
    assert filled["optimizers"]["generator"]["name"] == "adam"


def test_text_gets_a_tokenizer_and_ids_do_not(tmp_path: Path) -> None:
    file = write_recipe(tmp_path, SMALL)
    assert load(file).filled["tokenizer"]["name"] == "word"
    assert load(file, ["data.name=oracle"]).filled["tokenizer"] is None
    (found,) = problems(file, "tokenizer=word", "data.name=oracle")
    assert found.endswith('tokenizer data "oracle" provides ids, which need no tokenizer; use tokenizer=null')


def test_without_a_discriminator_there_is_no_default_reward(tmp_path: Path) -> None:
    assert load("mle").filled["reward"] is None
    text = SMALL.replace("discriminator: text_cnn\nloss: bce\n", "reward: bleu\n")
    text = text.replace(", discriminator: {objective: discriminate, times: 2}", "")
    assert load(write_recipe(tmp_path, text)).filled["reward"]["name"] == "bleu"


def test_default_metrics_are_those_that_the_data_allows(tmp_path: Path) -> None:
    file = write_recipe(tmp_path, SMALL)
    assert {"nll_oracle", "grammatical", "bleu"} <= {m["name"] for m in load(file).filled["evaluate"]["metrics"]}
    text = {m["name"] for m in load(file, ["data.name=text", "data.path=a.txt"]).filled["evaluate"]["metrics"]}
    assert not {"nll_oracle", "grammatical"} & text


def test_a_metric_that_the_data_does_not_allow_is_rejected(tmp_path: Path) -> None:
    text = SMALL + "evaluate: {metrics: [bleu, grammatical]}\n"
    (found,) = problems(write_recipe(tmp_path, text), "data.name=text", "data.path=a.txt")
    assert found == (
        'line 11 evaluate.metrics.1 "grammatical" needs grammar, which neither data "text" nor generator "lstm" has; '
        "leave it out"
    )
    (found,) = problems(write_recipe(tmp_path, SMALL + "evaluate: {metrics: [blue]}\n"))
    assert 'there is no metric "blue"; did you mean "bleu"?' in found


# Controls


CONTROL = "controls:\n  blind: {reward: constant, phases: {second: {turns: [adversarial]}}}\n"


def test_a_control_is_checked_as_a_recipe(tmp_path: Path) -> None:
    (found,) = problems(write_recipe(tmp_path, SMALL + CONTROL.replace("reward: constant", "reward: constnt")))
    assert found == 'line 12 controls.blind.reward there is no reward "constnt"; did you mean "constant"?'


def test_controls_may_change_named_turns(tmp_path: Path) -> None:
    text = SMALL + "controls:\n  mine: {phases: {second: {turns: {generator: {times: 3}, discriminator: null}}}}\n"
    control = load(write_recipe(tmp_path, text + "    reward: constant\n".replace("    ", "", 4)), controls=False)
    assert control.filled["phases"]["second"]["turns"].keys() == {"generator", "discriminator"}
    text = text.replace("{phases", "{reward: constant, phases")
    control = load(write_recipe(tmp_path, text)).control("mine")
    (turn,) = control.filled["phases"]["second"]["turns"].values()
    assert (turn["objective"], turn["times"]) == ("adversarial", 3)
    again = load(write_recipe(tmp_path, text)).control("mine")
    assert again.filled == control.filled


def test_a_control_may_add_a_phase_and_a_turn_of_its_own(tmp_path: Path) -> None:
    phases = "{second: {turns: {more: {objective: likelihood}}}, third: {rounds: 1, turns: [likelihood]}}"
    control = load(write_recipe(tmp_path, SMALL + f"controls: {{mine: {{phases: {phases}}}}}\n")).control("mine")
    assert list(control.filled["phases"]) == ["first", "second", "third"]
    assert list(control.filled["phases"]["second"]["turns"]) == ["generator", "discriminator", "more"]


def test_problems_of_the_recipe_are_not_repeated_for_its_controls(tmp_path: Path) -> None:
    (found,) = problems(write_recipe(tmp_path, SMALL.replace("rollouts: 2", "rollouts: 0") + CONTROL))
    assert found == "line 6 estimator.rollouts expected at least 1, found 0"


def test_null_removes_a_control(tmp_path: Path) -> None:
    assert load(write_recipe(tmp_path, SMALL + CONTROL), ["controls.blind=null"]).filled["controls"] == {}


@pytest.mark.parametrize(
    ("control", "message"),
    [
        ("a b: {reward: constant}", "controls.a b not a name for a control; expected letters, digits, dashes"),
        ("mine: constant", "controls.mine expected what the control changes, such as {reward: constant}"),
        (
            "mine: {phases: {third: {turns: [likelihood]}}}",
            'controls.mine.phases.third there is no phase "third" to change; controls.mine=null leaves',
        ),
    ],
)
def test_malformed_controls(tmp_path: Path, control: str, message: str) -> None:
    (found,) = problems(write_recipe(tmp_path, SMALL + f"controls:\n  {control}\n"))
    assert message in found


def test_each_control_that_changes_a_removed_phase_is_reported() -> None:
    found = problems("seqgan", "phases.adversarial=null")
    assert [line.split()[2] for line in found] == [
        "controls.constant-reward.phases.adversarial",
        "controls.continued-mle.phases.adversarial",
    ]

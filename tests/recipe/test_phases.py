"""Phases and their named turns."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.recipes import SMALL, problems, write_recipe

from textgan.recipe import load

FIRST = "first: {rounds: 2, turns: [likelihood]}"


def replaced(folder: Path, old: str, new: str) -> Path:
    assert old in SMALL
    return write_recipe(folder, SMALL.replace(old, new))


def test_a_turn_has_every_default(tmp_path: Path) -> None:
    turns = load(write_recipe(tmp_path, SMALL)).filled["phases"]["second"]["turns"]
    assert turns["generator"] == {
        "objective": "adversarial", "times": 1, "every": 1, "updates": {"generator": "generator"}, "batch_size": None
    }  # fmt: skip
    assert list(turns) == ["generator", "discriminator"]


@pytest.mark.parametrize(
    "turns",
    [
        "[likelihood]",
        "{likelihood: {}}",
        "{likelihood: likelihood}",
        "{likelihood: {objective: likelihood}}",
        "{likelihood: {updates: [generator]}, discriminate: null}",
        "{likelihood: {updates: {generator: generator}}}",
    ],
)
def test_forms_of_the_same_turns(tmp_path: Path, turns: str) -> None:
    expected = load(write_recipe(tmp_path, SMALL, "base.yaml")).filled
    assert load(replaced(tmp_path, "[likelihood]", turns)).filled == expected


def test_a_turn_may_have_any_name(tmp_path: Path) -> None:
    turns = load(replaced(tmp_path, "[likelihood]", "{warm up: likelihood, 2: {objective: likelihood}}")).filled
    assert list(turns["phases"]["first"]["turns"]) == ["warm up", "2"]


def test_an_objective_may_be_played_by_two_turns(tmp_path: Path) -> None:
    turns = "{slow: {objective: likelihood}, fast: {objective: likelihood, times: 3}}"
    filled = load(replaced(tmp_path, "[likelihood]", turns)).filled["phases"]["first"]["turns"]
    assert [(turn["objective"], turn["times"]) for turn in filled.values()] == [("likelihood", 1), ("likelihood", 3)]


def test_options_of_the_objective_are_options_of_the_turn(tmp_path: Path) -> None:
    second = load(replaced(tmp_path, "times: 2", "pool: 64")).filled["phases"]["second"]["turns"]["discriminator"]
    assert second["pool"] == 64
    (found,) = problems(replaced(tmp_path, "times: 2", "pol: 64"))
    assert found == (
        'line 10 phases.second.turns.discriminator.pol discriminate has no option "pol"; did you mean "pool" '
        "(default None)?"
    )


def test_a_player_may_be_part_of_another(tmp_path: Path) -> None:
    turns = "{likelihood: {updates: {generator.embedding: generator}}}"
    assert load(replaced(tmp_path, "[likelihood]", turns))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (FIRST, "first: {rounds: 2}", "line 9 phases.first.turns is missing; a phase needs it: Turns by name"),
        (FIRST, "first: {turns: [likelihood]}", "line 9 phases.first.rounds is missing; a phase needs it"),
        (FIRST, "first: {rounds: true, turns: [likelihood]}", "expected a whole number, found true"),
        (FIRST, "first: {steps: 2, turns: [likelihood]}", 'a phase has no option "steps"; it has: rounds, turns'),
        (FIRST, "first: [likelihood]", "line 9 phases.first expected a mapping, found a list"),
        ("[likelihood]", "likelihood", 'expected a mapping or a list, found the text "likelihood"'),
        ("[likelihood]", "{likelihood: 3}", 'expected an objective, such as "likelihood", or {objective: ...'),
        ("[likelihood]", "{likelihood: {objective: 3}}", 'expected an objective, such as "likelihood"'),
        ("[likelihood]", "{warm: {times: 2}}", 'turn "warm" has no objective; set phases.first.turns.warm.objective'),
        (
            "[likelihood]",
            "{warm: likelihod}",
            'turns.warm there is no objective "likelihod"; did you mean "likelihood"?',
        ),
        ("[likelihood]", "{likelihood: {updates: [critic]}}", 'updates there is no player "critic" in this recipe'),
        ("[likelihood]", "{likelihood: {updates: generator}}", "expected a list or a mapping, found the text"),
        ("{lr: 1e-2}", "null", "expected the name of an optimizer"),
        ("generator: {lr: 1e-2}, ", "", 'optimizers has no "generator" to update the generator; add optimizers.gen'),
        ("[likelihood]", "{likelihood: {updates: {generator: discrimnator}}}", 'did you mean "discriminator"?'),
    ],
)
def test_mistakes_in_phases(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert any(message in line for line in problems(replaced(tmp_path, old, new)))


def test_a_number_is_not_the_position_of_a_turn() -> None:
    """Turns had numbers in earlier versions."""
    (found,) = problems("seqgan", "phases.adversarial.turns.1.pool=1280")
    assert found == (
        'command line phases.adversarial.turns.1 turn "1" has no objective; the other turns are generator, '
        "discriminator; set phases.adversarial.turns.1.objective for a new turn"
    )


@pytest.mark.parametrize("phases", ["", "phases: {}\n", "phases: {first: null}\n"])
def test_a_recipe_has_a_phase(tmp_path: Path, phases: str) -> None:
    text = SMALL.partition("phases:")[0] + phases
    (found,) = problems(write_recipe(tmp_path, text))
    assert "phases is missing; expected at least one phase, such as train: {rounds: 100, turns: [likelihood]}" in found


def test_a_list_with_mappings_is_answered_with_a_mapping(tmp_path: Path) -> None:
    """This was the notation of earlier versions."""
    (found,) = problems(replaced(tmp_path, "[likelihood]", "[{objective: likelihood, times: 2}]"))
    assert found == (
        "line 9 phases.first.turns expected objectives in a list; turns with options are a mapping from names to "
        "turns, such as generator: {objective: likelihood, times: 2}"
    )


def test_an_objective_that_a_list_repeats_needs_names(tmp_path: Path) -> None:
    (found,) = problems(replaced(tmp_path, "[likelihood]", "[likelihood, likelihood]"))
    assert found == (
        "line 9 phases.first.turns lists likelihood 2 times; name the turns: {first: likelihood, second: likelihood}, "
        "or {likelihood: {times: 2}}"
    )


@pytest.mark.parametrize(
    ("callback", "message"),
    [
        ("{name: warm_start, phase: frist}", 'phase there is no phase "frist"; did you mean "first"? callbacks=[]'),
        ("{name: anneal, option: x.y, phase: other, start: 0, end: 1}", '"other"; this recipe has: first, second.'),
    ],
)
def test_a_callback_waits_for_a_phase_of_the_recipe(tmp_path: Path, callback: str, message: str) -> None:
    (found,) = problems(write_recipe(tmp_path, SMALL + f"callbacks: [{callback}]\n"))
    assert message in found


def test_a_discriminator_that_gives_rewards_has_to_be_trained(tmp_path: Path) -> None:
    alone = SMALL.replace(", discriminator: {objective: discriminate, times: 2}", "")
    (found,) = problems(write_recipe(tmp_path, alone))
    assert found == (
        'line 8 phases reward "adversarial" comes from the discriminator, which no turn updates; '
        "set phases.second.turns.discriminate=discriminate"
    )
    load(write_recipe(tmp_path, alone), ["phases.second.turns.discriminate=discriminate"])
    (found,) = problems(write_recipe(tmp_path, alone.replace(", discriminator: {lr: 1e-3}", "")))
    settings = found.partition("; set ")[2].split()
    load(write_recipe(tmp_path, alone.replace(", discriminator: {lr: 1e-3}", "")), settings)


def test_an_estimator_with_parameters_has_to_be_trained() -> None:
    (found,) = problems("seqgan", "estimator=actor_critic")
    setting = "phases.adversarial.turns.generator.updates={generator: policy, estimator: policy}"
    assert found.endswith(f'phases estimator "actor_critic" has parameters, which no turn updates; set {setting}')
    updates = load("seqgan", ["estimator=actor_critic", setting]).filled["phases"]["adversarial"]["turns"]["generator"]
    assert updates["updates"] == {"generator": "policy", "estimator": "policy"}


@pytest.mark.parametrize(
    ("updates", "expected"),
    [
        ("{generator: {a: b}}", "expected text, found a mapping"),
        ("{generator: 1.5}", "expected text, found 1.5"),
        ("{generator: null}", "expected text, found null"),
        ("[[generator]]", "expected text, found a list"),
        ("3", "found 3"),
    ],
)
def test_updates_of_a_wrong_type_are_refused(tmp_path: Path, updates: str, expected: str) -> None:
    file = replaced(tmp_path, "[likelihood]", f"{{likelihood: {{updates: {updates}}}}}")
    assert expected in " ".join(problems(file))

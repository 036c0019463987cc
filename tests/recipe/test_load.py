"""Merging, overriding, checking and filling."""

from pathlib import Path

import pytest

from textgan.core.errors import UserError
from textgan.recipe import RecipeError, bundled, load

SMALL = """
data: grammar
generator: {name: lstm, hidden_dim: 8}
discriminator: text_cnn
loss: bce
estimator: {name: rollout, rollouts: 2}
optimizers: {generator: {lr: 1e-2}, discriminator: {lr: 1e-3}}
phases:
  first: {steps: 2, turns: [likelihood]}
  second: {steps: 3, turns: [adversarial, {objective: discriminate, times: 2}]}
"""


def written(folder: Path, text: str, name: str = "mine.yaml") -> Path:
    file = folder / name
    file.write_text(text)
    return file


def problems(folder: Path, text: str, *settings: str) -> list[str]:
    with pytest.raises(RecipeError) as caught:
        load(written(folder, text), settings)
    return [f"{p.location} {'.'.join(map(str, p.path))} {p.text}" for p in caught.value.problems]


def test_the_filled_recipe_is_complete_and_loads_to_itself(tmp_path: Path) -> None:
    first = load(written(tmp_path, SMALL))
    again = load(written(tmp_path, first.yaml(), "filled.yaml"))
    assert again.filled == first.filled
    assert first.filled["estimator"] == {
        "name": "rollout", "rollouts": 2, "baseline": "leave_one_out", "reduction": "mean", "update_rate": None,
        "entropy": 0.0, "rescale": "none", "steepness": 16.0,
    }  # fmt: skip
    assert first.filled["reward"] == {"name": "verdict"}
    assert first.filled["phases"]["second"]["turns"][1]["updates"] == {"discriminator": "discriminator"}
    assert first.filled["phases"]["second"]["turns"][1]["times"] == 2


@pytest.mark.parametrize("name", sorted(bundled()))
def test_every_bundled_recipe_checks(name: str) -> None:
    assert load(name).filled["phases"]


def test_settings_override(tmp_path: Path) -> None:
    file = written(tmp_path, SMALL)
    filled = load(file, ["seed=7", "estimator.rollouts=5", "phases.second.turns.1.times=4", "phases.first=null"]).filled
    assert filled["seed"] == 7
    assert filled["estimator"]["rollouts"] == 5
    assert list(filled["phases"]) == ["second"]
    assert filled["phases"]["second"]["turns"][1]["times"] == 4


def test_another_name_empties_its_block(tmp_path: Path) -> None:
    file = written(tmp_path, SMALL)
    filled = load(file, ["estimator.baseline=none", "estimator.name=reinforce"]).filled
    assert filled["estimator"] == {"name": "reinforce", "baseline": "none", "reduction": "mean", "entropy": 0.0}
    filled = load(file, ["data.path=a.txt", "data.name=text"]).filled
    assert filled["data"]["name"] == "text"
    assert filled["data"]["path"] == "a.txt"


def test_extends_reads_as_a_difference(tmp_path: Path) -> None:
    written(tmp_path, SMALL, "base.yaml")
    child = "extends: base.yaml\nestimator: {rollouts: 9}\nphases:\n  first: {steps: 5}\n"
    filled = load(written(tmp_path, child)).filled
    assert filled["estimator"]["rollouts"] == 9
    assert filled["generator"]["hidden_dim"] == 8
    assert filled["phases"]["first"]["steps"] == 5
    assert list(filled["phases"]) == ["first", "second"]
    renamed = load(written(tmp_path, "extends: base.yaml\nestimator: reinforce\n")).filled
    assert renamed["estimator"]["name"] == "reinforce"


def test_a_word_over_the_same_word_stays_a_word(tmp_path: Path) -> None:
    written(tmp_path, SMALL + "device: cpu\n", "base.yaml")
    assert load(written(tmp_path, "extends: base.yaml\ndevice: cpu\n")).filled["device"] == "cpu"


def test_extending_in_a_circle_is_refused(tmp_path: Path) -> None:
    written(tmp_path, "extends: mine.yaml\n", "other.yaml")
    with pytest.raises(UserError, match="extends this recipe in turn"):
        load(written(tmp_path, "extends: other.yaml\n"))


def test_five_mistakes_are_five_problems_with_their_lines(tmp_path: Path) -> None:
    text = SMALL.replace("rollouts: 2", "rolouts: 2").replace("hidden_dim: 8", "hidden_dim: -8")
    text = text.replace("lr: 1e-2", "lr: fast").replace("bce", "bcee").replace("[likelihood]", "[likelihod]")
    found = problems(tmp_path, text)
    assert found == [
        "line 3 generator.hidden_dim expected at least 1, found -8",
        'line 5 loss there is no loss "bcee"; did you mean "bce"?',
        'line 6 estimator.rolouts rollout has no option "rolouts"; did you mean "rollouts" (default 16)?',
        'line 7 optimizers.generator.lr expected a number, found the text "fast"',
        'line 9 phases.first.turns.0 there is no objective "likelihod"; did you mean "likelihood"?',
    ]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("discriminator: text_cnn\n", ""), '"verdict" needs a discriminator'),
        (("generator: {name: lstm, hidden_dim: 8}\n", ""), "a recipe needs a generator block"),
        (("steps: 2, ", ""), "a phase needs it"),
        (("steps: 2", "steps: true"), "expected a whole number"),
        (("turns: [likelihood]", "turns: likelihood"), "expected a list"),
        (("[likelihood]", "[{objective: likelihood, updates: [critic]}]"), 'there is no player "critic"'),
        (("generator: {lr: 1e-2}, ", ""), 'optimizers has no "generator"'),
        (("lr: 1e-2", "parameters: 3"), "receives its parameters from the run"),
    ],
)
def test_what_does_not_hold_together_is_told(tmp_path: Path, change: tuple[str, str], told: str) -> None:
    text = SMALL.replace(*change)
    text = text if "reward" in text else text + "reward: verdict\n"
    assert any(told in line for line in problems(tmp_path, text))


@pytest.mark.parametrize(
    ("callback", "told"),
    [
        ("{name: warm_start, phase: frist}", 'phase there is no phase "frist"; did you mean "first"? callbacks=[]'),
        ("{name: anneal, option: x.y, phase: other, start: 0, end: 1}", '"other"; this recipe has: first, second.'),
    ],
)
def test_a_callback_waits_for_no_phase_that_is_not_there(tmp_path: Path, callback: str, told: str) -> None:
    (found,) = problems(tmp_path, SMALL + f"callbacks: [{callback}]\n")
    assert told in found


def test_a_callback_has_the_players_that_it_cannot_do_without(tmp_path: Path) -> None:
    alone = SMALL.replace("discriminator: text_cnn\nloss: bce\n", "reward: bleu\n")
    alone = alone.replace(", {objective: discriminate, times: 2}", "")
    load(written(tmp_path, alone + "callbacks: [{name: anneal, option: x.y, phase: first, start: 0, end: 1}]\n"))
    (found,) = problems(tmp_path, alone + "callbacks: [{name: warm_start, phase: first}]\n")
    assert '"warm_start" needs a discriminator' in found


def test_settings_are_blamed_on_the_command_line(tmp_path: Path) -> None:
    assert problems(tmp_path, SMALL, "estimator.rollouts=0") == [
        "command line estimator.rollouts expected at least 1, found 0"
    ]
    with pytest.raises(UserError, match="no setting"):
        load(written(tmp_path, SMALL), ["estimator.rollouts"])
    with pytest.raises(UserError, match="none of its locations"):
        load(written(tmp_path, SMALL), ["phases.second.turns.9.times=2"])


def test_metrics_follow_the_data(tmp_path: Path) -> None:
    names = {m["name"] for m in load(written(tmp_path, SMALL)).filled["evaluate"]["metrics"]}
    assert {"nll_oracle", "grammatical", "bleu"} <= names
    plain = load(written(tmp_path, SMALL), ["data.name=text", "data.path=a.txt"]).filled["evaluate"]["metrics"]
    assert not {"nll_oracle", "grammatical"} & {m["name"] for m in plain}
    asked = problems(tmp_path, SMALL + "evaluate: {metrics: [grammatical]}\n", "data.name=text", "data.path=a.txt")
    assert "needs grammar, which neither" in asked[0]


def test_ready_ids_take_no_tokenizer(tmp_path: Path) -> None:
    assert load(written(tmp_path, SMALL), ["data.name=oracle"]).filled["tokenizer"] is None
    found = problems(tmp_path, SMALL + "tokenizer: word\n", "data.name=oracle")
    assert "leave the tokenizer out" in found[0]


def test_without_controls_settings_may_leave_out_what_they_change() -> None:
    settings = ["phases.adversarial=null", "phases.pretrain-d=null", "callbacks=[]"]
    with pytest.raises(RecipeError, match=r"controls\.constant-reward\.phases\.adversarial\.steps"):
        load("seqgan", settings)
    alone = load("seqgan", settings, controls=False)
    assert list(alone.filled["phases"]) == ["pretrain-g"]
    assert alone.filled["controls"] == {}


def test_a_control_is_a_recipe_with_changes(tmp_path: Path) -> None:
    text = SMALL + "controls:\n  blind: {reward: constant, phases: {second: {turns: [adversarial]}}}\n"
    control = load(written(tmp_path, text)).control("blind")
    assert control.filled["reward"] == {"name": "constant", "value": 0.3}
    assert len(control.filled["phases"]["second"]["turns"]) == 1
    assert control.filled["controls"] == {}
    broken = problems(tmp_path, text.replace("reward: constant", "reward: constnt"))
    assert 'there is no reward "constnt"; did you mean "constant"?' in broken[0]


@pytest.mark.parametrize(("content", "told"), [("", "is empty"), ("- 1\n", "no mapping"), ("\xff", "UTF-8")])
def test_files_that_are_no_recipe(tmp_path: Path, content: str, told: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_bytes(content.encode("latin-1"))
    with pytest.raises(UserError, match=told):
        load(file)


def test_a_missing_recipe_names_the_nearest() -> None:
    with pytest.raises(UserError, match='did you mean "seqgan"'):
        load("seqgn")

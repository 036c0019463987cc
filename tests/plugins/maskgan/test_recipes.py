"""MaskGAN's recipes: their settings, and a small run."""

from __future__ import annotations

from pathlib import Path

import pytest

from textgan import recipe
from textgan.runs import model, runner
from textgan.runs.run_dir import RunDir

SMALL = ["device=cpu", "batch_size=8", "data.sentences=200", "evaluate.samples=10", "generator.hidden_dim=8"]


@pytest.mark.parametrize("name", ["maskmle", "maskgan", "paper/maskgan"])
def test_all_recipes_learn_generation_without_a_prompt(name: str) -> None:
    filled = recipe.load(name).filled
    assert filled["generator"]["name"] == "infill"
    assert filled["blanks"]["full_blank_rate"] > 0, "metrics evaluate samples without a prompt"


def test_maskgan_starts_with_the_training_of_maskmle() -> None:
    maskgan, maskmle = recipe.load("maskgan").filled, recipe.load("maskmle").filled
    for block in ("data", "blanks", "generator", "batch_size", "evaluate"):
        assert maskgan[block] == maskmle[block]
    assert maskgan["phases"]["pretrain-g"] == maskmle["phases"]["pretrain-g"]


def test_adversarial_rounds_update_the_critic_and_the_policy() -> None:
    turns = recipe.load("maskgan").filled["phases"]["adversarial"]["turns"]
    assert list(turns) == ["generator", "discriminator"]
    assert turns["generator"]["updates"] == {"generator": "policy", "estimator": "estimator"}
    assert recipe.load("maskgan").filled["estimator"]["discount"] == pytest.approx(0.89072)


def test_the_papers_recipe_has_the_papers_reward_and_estimator() -> None:
    filled = recipe.load("paper/maskgan").filled
    paper = {"discount": 0.89072, "gae_lambda": 1.0, "clip_advantage": 5.0, "baseline": "none", "center_rewards": False}
    assert {key: filled["estimator"][key] for key in paper} == paper
    assert filled["loss"]["reward_transform"] == "log_probability"


def test_the_discriminator_starts_with_the_generators_weights() -> None:
    (callback,) = recipe.load("maskgan").filled["callbacks"]
    assert (callback["name"], callback["phase"]) == ("warm_start", "pretrain-g")


def test_a_small_run_trains_evaluates_and_fills_blanks(tmp_path: Path) -> None:
    filled = recipe.load("maskgan").filled
    overrides = [f"phases.{name}.rounds=1" for name in filled["phases"]]
    overrides += [f"phases.{name}.evaluate=1" for name in ("pretrain-g", "adversarial")]
    overrides += ["phases.adversarial.turns.generator.batch_size=16", "phases.adversarial.turns.discriminator.pool=16"]
    overrides += ["phases.pretrain-d.turns.discriminator.pool=16", "phases.pretrain-d.turns.critic.times=1"]
    runner.start(recipe.load("maskgan", SMALL + overrides), tmp_path / "run")
    entries = list(RunDir(tmp_path / "run").entries())
    last = [entry for entry in entries if entry["kind"] == "evaluation"][-1]
    for name in ("infill_exact", "infill_grammatical", "generated_distinct4", "grammatical", "nll_test"):
        assert 0 <= float(str(last[name])) < 20
    assert model.load(tmp_path / "run", "cpu").fill("olga ___ a ___ lamp .", 3)

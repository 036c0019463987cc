"""MaskGAN's recipes fit together and run, controls and all."""

from __future__ import annotations

from pathlib import Path

import pytest

from textgan import recipe
from textgan.runs import model, runner
from textgan.runs.run_dir import RunDir

SMALL = ["device=cpu", "batch_size=8", "data.sentences=200", "evaluate.samples=10", "generator.hidden_dim=8"]


@pytest.mark.parametrize("name", ["maskmle", "maskgan", "paper/maskgan"])
def test_they_load(name: str) -> None:
    filled = recipe.load(name).filled
    assert filled["generator"]["name"] == "infill"
    assert filled["blanks"]["whole"] > 0, "metrics write from nothing, so that must be learned"


def test_maskgan_begins_as_maskmle_ends() -> None:
    mine, theirs = recipe.load("maskgan").filled, recipe.load("maskmle").filled
    for block in ("data", "blanks", "generator", "batch_size", "evaluate"):
        assert mine[block] == theirs[block]
    assert mine["phases"]["pretrain-g"] == theirs["phases"]["pretrain-g"]


def test_the_critic_learns_and_only_the_policy_moves_the_generator() -> None:
    turn, _ = recipe.load("maskgan").filled["phases"]["adversarial"]["turns"]
    assert turn["updates"] == {"generator": "policy", "estimator": "estimator"}
    assert recipe.load("maskgan").filled["estimator"]["discount"] == pytest.approx(0.89072)


def test_the_papers_sizes_bring_the_papers_rules() -> None:
    filled = recipe.load("paper/maskgan").filled
    paper = {"discount": 0.89072, "gae_lambda": 1.0, "clip_advantage": 5.0, "baseline": "none", "center_rewards": False}
    assert {key: filled["estimator"][key] for key in paper} == paper
    assert filled["loss"]["pays"] == "log_probability"


def test_the_discriminator_begins_as_the_generator_does() -> None:
    (callback,) = recipe.load("maskgan").filled["callbacks"]
    assert (callback["name"], callback["phase"]) == ("warm_start", "pretrain-g")


def test_a_run_of_everything(tmp_path: Path) -> None:
    filled = recipe.load("maskgan").filled
    steps = [f"phases.{name}.rounds=1" for name in filled["phases"]]
    steps += [f"phases.{name}.evaluate=1" for name in ("pretrain-g", "adversarial")]
    steps += ["phases.adversarial.turns.0.batch_size=16", "phases.adversarial.turns.1.pool=16"]
    steps += ["phases.pretrain-d.turns.0.pool=16", "phases.pretrain-d.turns.1.times=1"]
    runner.start(recipe.load("maskgan", SMALL + steps), tmp_path / "run")
    entries = list(RunDir(tmp_path / "run").entries())
    last = [entry for entry in entries if entry["kind"] == "evaluation"][-1]
    for name in ("infill_exact", "infill_grammatical", "generated_distinct4", "grammatical", "nll_test"):
        assert 0 <= float(str(last[name])) < 20
    assert model.load(tmp_path / "run", "cpu").fill("olga ___ a ___ lamp .", 3)

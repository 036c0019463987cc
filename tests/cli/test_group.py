"""Each command does what its help says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from textgan.core import registry
from textgan.recipe import bundled, load


def test_list_shows_everything_by_kind(textgan):
    code, out, _ = textgan("list")
    assert code == 0
    assert "\x1b" not in out
    for heading in (*registry.KINDS.values(), "recipes"):
        assert f"\n{heading}\n" in f"\n{out}"
    for name in ("lstm", "rollout", "nll_oracle", "seqgan"):
        assert name in out


@pytest.mark.parametrize("kind", ["estimator", "estimators"])
def test_list_of_one_kind(textgan, kind):
    code, out, _ = textgan("list", kind)
    assert code == 0
    assert "rollout" in out
    assert "lstm" not in out


def test_list_as_json_is_one_document(textgan):
    sections = json.loads(textgan("list", "--json")[1])
    assert set(sections) == {*registry.KINDS.values(), "recipes"}
    lstm = next(row for row in sections["generators"] if row["name"] == "lstm")
    assert lstm["provider"].startswith("textgan ")
    assert lstm["summary"].endswith(".")


def test_a_broken_plugin_hides_nothing(textgan, monkeypatch):
    broken = registry.Component("generator", "broken", "no_such_module:Thing", "strange", "1.0")
    monkeypatch.setattr(registry, "_added", [broken])
    code, out, _ = textgan("list", "generators")
    assert code == 0
    assert "lstm" in out
    assert "cannot be" in out


def test_show_a_component(textgan):
    code, out, _ = textgan("show", "rollout")
    assert code == 0
    for word in ("estimator", "arXiv:1609.05473", "rollouts", "16", "leave_one_out", "credits: sequence", "textgan 0."):
        assert word in out, word
    described = json.loads(textgan("show", "rollout", "--json")[1])
    rollouts = next(option for option in described["options"] if option["name"] == "rollouts")
    assert (rollouts["default"], rollouts["required"]) == (16, False)
    assert described["traits"]["reward_granularity"] == ["sequence"]


def test_show_a_recipe_is_its_text(textgan):
    assert textgan("show", "seqgan")[1] == bundled()["seqgan"].read_text(encoding="utf-8")


def test_plugins_can_be_listed_shown_and_named(textgan, tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "_added", [])
    plugin = tmp_path / "mine.py"
    plugin.write_text(
        "import textgan\n\n@textgan.register('reward', 'mine_only')\nclass Mine:\n"
        "    '''Pays for [bold]nothing[/].\\n\\n    Args:\\n        size: how much.\\n    '''\n"
        "    reads = frozenset({'ids'})\n    judges = 'sequence'\n    differentiable = False\n"
        "    def __init__(self, size: int = 3) -> None: ...\n"
    )
    assert "mine_only" in textgan("list", "rewards", "--plugin", plugin)[1]
    assert "Pays for [bold]nothing[/]." in textgan("show", "mine_only", "--plugin", plugin)[1]
    code, out, _ = textgan("check", "seqgan", "reward=mine_only", "--plugin", plugin)
    assert code == 0
    assert "mine_only (size 3)" in out


def test_check_says_ok_or_every_problem(textgan, recipe):
    code, out, _ = textgan("check", recipe)
    assert code == 0
    assert ": ok\n" in out
    assert "pretrain-g: 3 rounds of likelihood -> generator" in out
    code, out, err = textgan("check", recipe, "seed=-1", "estimator=nothing")
    assert (code, out) == (2, "")
    assert "2 problems" in err


def test_check_filled_is_a_recipe(textgan, recipe, tmp_path):
    filled = tmp_path / "filled.yaml"
    filled.write_text(textgan("check", recipe, "--filled")[1])
    assert load(filled).filled == load(recipe).filled
    assert json.loads(textgan("check", recipe, "--json")[1])["recipe"]["batch_size"] == 4


def test_init_never_overwrites(textgan, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert textgan("init")[0] == 0
    assert Path("seqgan.yaml").read_text() == bundled()["seqgan"].read_text()
    Path("seqgan.yaml").write_text("mine")
    code, out, err = textgan("init", "seqgan")
    assert (code, out) == (2, "")
    assert "nothing was written" in err
    assert Path("seqgan.yaml").read_text() == "mine"
    assert textgan("init", "seqgan", "other.yaml")[0] == 0
    assert 'did you mean "seqgan"' in textgan("init", "seqgn")[2]


@pytest.mark.parametrize("name", sorted(bundled()))
def test_what_init_writes_can_run(textgan, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    assert textgan("init", name, "mine.yaml")[0] == 0
    assert textgan("check", "mine.yaml")[0] == 0


def test_new_plugin_says_what_it_wrote(textgan, tmp_path):
    code, out, _ = textgan("new", "plugin", "mine", "--in", tmp_path)
    assert code == 0
    files = [Path(line.removeprefix("wrote ")) for line in out.splitlines()]
    assert files
    assert all(file.is_file() and file.is_relative_to(tmp_path / "mine") for file in files)
    assert textgan("new", "plugin", "mine", "--in", tmp_path)[0] == 2


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_completion_prints_a_script(textgan, shell):
    code, out, _ = textgan("completion", shell)
    assert code == 0
    assert "_TEXTGAN_COMPLETE" in out


def test_tab_completes_recipes():
    asked = {"_TEXTGAN_COMPLETE": "zsh_complete", "COMP_WORDS": "textgan check seqg", "COMP_CWORD": "2"}
    done = subprocess.run(
        [sys.executable, "-c", "from textgan.cli import main; main()"],
        env=os.environ | asked,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "seqgan" in done.stdout


def test_dry_run_touches_nothing(textgan, recipe, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    code, out, _ = textgan("run", recipe, "--dry-run", "--no-controls", "--seed", "7")
    assert code == 0
    assert "would go to runs/tiny-DATE-TIME; 5 rounds in all\n" in out
    assert "continued-mle" not in out
    plan = json.loads(textgan("run", recipe, "--dry-run", "--json", "--out", "x")[1])
    assert plan["phases"] == {"pretrain-g": 3, "adversarial": 2}
    assert plan["folder"] == "x"
    assert sorted(tmp_path.rglob("*")) == before


def test_run_ends_with_table_samples_and_what_next(textgan, recipe, tmp_path):
    folder = tmp_path / "out"
    code, out, err = textgan("run", recipe, "--out", folder, "log.samples=3")
    assert code == 0
    assert "\x1b" not in out + err
    header = out.splitlines()[0].split()
    assert header == ["pretrain-g", "adversarial", "continued-mle"]
    assert "nll_test ↓" in out
    told = "Controls set out from the end of pretrain-g: continued-mle changes phases.adversarial.turns."
    assert told in " ".join(out.split())
    assert out.rstrip().endswith(f"next: textgan sample {folder} -n 20 --temperature 0.8")
    lines = err.splitlines()
    for start in ("pretrain-g: 3 rounds", "pretrain-g, round 3: nll_test", "pretrain-g ended", "control continued-mle"):
        assert sum(line.startswith(start) for line in lines) == 1, start


def test_run_as_json_is_one_document(textgan, recipe, tmp_path):
    code, out, err = textgan("run", recipe, "--out", tmp_path / "out", "--json", "--quiet", "--no-controls")
    assert (code, err) == (0, "")
    result = json.loads(out)
    assert list(result["columns"]) == ["pretrain-g", "adversarial"]
    assert result["better"]["nll_test"] == "lower"
    assert len(result["samples"]) == 8


def test_a_folder_that_is_taken_is_refused(textgan, recipe, finished):
    code, _, err = textgan("run", recipe, "--out", finished)
    assert code == 2
    assert f"textgan run --resume {finished}" in err


@pytest.mark.parametrize("extra", [["seqgan"], ["--seed", "0"], ["--no-controls"], ["--out", "x"], ["--dry-run"]])
def test_resume_takes_nothing_else(textgan, finished, extra):
    code, out, err = textgan("run", "--resume", finished, *extra)
    assert (code, out) == (2, "")
    assert "exactly as it was begun" in err
    assert (extra[0] if extra[0].startswith("-") else "the recipe") in err


def test_a_finished_run_resumed_shows_its_result_again(textgan, finished):
    code, out, _ = textgan("run", "--resume", finished, "--json", "--quiet")
    assert code == 0
    assert list(json.loads(out)["columns"]) == ["pretrain-g", "adversarial", "continued-mle"]


def test_sample(textgan, finished):
    code, out, err = textgan("sample", finished, "-n", 5, "--seed", 1)
    assert (code, err) == (0, "")
    assert len(out.splitlines()) == 5
    texts = json.loads(textgan("sample", finished, "-n", 5, "--seed", 1, "--json")[1])
    assert texts == out.splitlines()
    assert len(set(textgan("sample", finished, "-n", 3, "--greedy")[1].splitlines())) == 1
    assert textgan("sample", finished, "-n", 2, "--max-len", 1, "--top-k", 3)[0] == 0


def test_sampled_text_cannot_steer_the_terminal(textgan, finished, monkeypatch):
    from textgan.runs.model import Model

    hostile = ["\x1b[31mred\x1b]0;title\x07", "a\nb", "\u202egnp.exe"]
    monkeypatch.setattr(Model, "sample", lambda *_, **__: hostile)
    assert textgan("sample", finished)[1] == "\\x1b[31mred\\x1b]0;title\\x07\na\\nb\n\\u202egnp.exe\n"
    written = textgan("sample", finished, "--json")[1]
    assert json.loads(written) == hostile
    assert written.isascii()
    assert "\x1b" not in written


def test_evaluate_repeats_the_last_numbers_of_the_run(textgan, finished):
    summary = json.loads((finished / "summary.json").read_text())
    code, out, err = textgan("evaluate", finished, "--json")
    assert (code, err) == (0, "")
    measured = json.loads(out)
    assert measured["values"] == pytest.approx(summary["columns"]["adversarial"])
    assert (measured["samples"], measured["seed"]) == (12, 0)


def test_evaluate_with_other_metrics_and_draws(textgan, finished):
    code, out, _ = textgan("evaluate", finished, "--metrics", "unique,distinct", "--samples", 7, "--temperature", 0.5)
    assert code == 0
    assert "7 samples" in out
    assert "distinct1 ↑" in out
    assert "nll_test" not in out
    code, _, err = textgan("evaluate", finished, "--metrics", "nll_oracle")
    assert code == 2
    assert "nll_oracle needs oracle" in err
    assert 'did you mean "bleu"' in textgan("evaluate", finished, "--metrics", "blue")[2]


def test_evaluate_refuses_data_that_have_changed(textgan, finished):
    lines = finished.parent / "lines.txt"
    old = lines.read_text()
    try:
        lines.write_text(old.replace("dog", "cow") + "a horse sleeps\n" * 9)
        code, out, err = textgan("evaluate", finished)
    finally:
        lines.write_text(old)
    assert (code, out) == (2, "")
    assert "have changed" in err


def test_what_init_writes_is_the_recipe_that_was_asked_for(textgan, tmp_path, monkeypatch):
    """`extends: seqgan.yaml` means another recipe in paper/ than anywhere else."""
    from textgan import recipe

    monkeypatch.chdir(tmp_path)
    for name in ("paper/seqgan-short", "paper/rankgan", "paper/maskgan", "rankgan"):
        file = f"{name.replace('/', '-')}.yaml"
        assert textgan("init", name, file)[0] == 0
        assert recipe.load(file).filled == recipe.load(name).filled

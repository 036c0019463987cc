"""`textgan compare`, up to the start of its runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from textgan import recipe as recipes
from textgan.cli.commands.compare import _parse_budget, _parse_lengths, _parse_options, _parse_temperatures
from textgan.cli.display import comparison_view
from textgan.compare.design.plan import Settings, make_plan
from textgan.core.errors import UserError

Calls = list[tuple[Any, ...]]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """Records the arguments of the functions that would run a comparison."""
    found: Calls = []
    for name in ("run_comparison", "run_study"):
        monkeypatch.setattr(comparison_view, name, lambda *arguments, name=name: found.append((name, *arguments)))
    return found


def test_options_become_settings(
    textgan: Callable[..., tuple[int, str, str]], recipe: Path, tmp_path: Path, calls: Calls
) -> None:
    options = ["--seeds", 3, "--samples", 50, "--temperatures", "1,0.5", "--alpha", 0.2, "--margin", 0.1]
    options += ["--budget", "updates=10", "--select-checkpoint", "--workers", 2]
    code, out, err = textgan("compare", recipe, "batch_size=8", *options, "--out", tmp_path / "out")
    assert (code, out, err) == (0, "", "")
    ((name, plan, workers, plugins, _),) = calls
    assert (name, workers, plugins, plan.folder) == ("run_comparison", 2, (), tmp_path / "out")
    settings = plan.settings
    assert (settings.seeds, settings.samples, tuple(settings.temperatures)) == (3, 50, (0.5, 1.0))
    assert (settings.alpha, settings.margin, settings.select_checkpoint) == (0.2, 0.1, True)
    assert settings.budget == {"updates": 10}
    assert {method.control for method in plan.methods} >= {"", "start", "constant"}
    assert plan.recipe(plan.methods[0], 0).filled["batch_size"] == 8


def test_quick_shortens_the_comparison(textgan, recipe, tmp_path, calls) -> None:
    assert textgan("compare", recipe, "--quick", "--out", tmp_path / "out")[0] == 0
    settings = calls[0][1].settings
    assert (settings.seeds, settings.samples, settings.shorter) == (2, 500, 10)


def test_lengths_make_a_study(textgan, recipe, tmp_path, calls) -> None:
    assert textgan("compare", recipe, "--lengths", "5,4", "--out", tmp_path / "out")[0] == 0
    name, study, *_ = calls[0]
    assert name == "run_study"
    assert sorted(study.plans()) == [4, 5]


def test_resume_continues_what_the_folder_holds(textgan, recipe, tmp_path, calls) -> None:
    textgan("compare", recipe, "--seeds", 2, "--out", tmp_path / "one")
    textgan("compare", recipe, "--lengths", "4", "--out", tmp_path / "several")
    assert textgan("compare", "--resume", tmp_path / "one", "--workers", 3)[0] == 0
    assert textgan("compare", "--resume", tmp_path / "several")[0] == 0
    assert [name for name, *_ in calls] == ["run_comparison", "run_study"] * 2
    assert (calls[2][1].settings.seeds, calls[2][2]) == (2, 3)


def test_a_resumed_comparison_cannot_be_changed(textgan, tmp_path) -> None:
    code, _, err = textgan("compare", "--resume", tmp_path, "--seeds", 9, "--temperatures", "1", "--quick")
    assert code == 2
    assert f"--resume={tmp_path}: a resumed comparison cannot be changed" in err
    assert "leave out --seeds, --temperatures, --quick, or" in err


def test_a_taken_folder_is_refused(textgan, recipe, tmp_path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    assert textgan("compare", recipe, "--out", tmp_path / "full")[0] == 2


def test_budgets_are_parsed() -> None:
    assert _parse_budget(["seconds=60", "tokens=2e6"]) == {"seconds": 60, "tokens": 2_000_000}
    assert _parse_budget([]) == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "second=60",
            '--budget=second=60: unknown kind "second"; expected updates=N, tokens=N or seconds=N.*"seconds"',
        ),
        ("steps=60", '--budget=steps=60: unknown kind "steps"'),
        ("updates", "--budget=updates: invalid amount; expected a finite number above 0, such as updates=1000"),
        ("updates=-1", "above 0"),
        ("updates=inf", "above 0"),
        ("updates=nan", "above 0"),
    ],
)
def test_invalid_budgets_are_refused(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        _parse_budget([text])


def test_temperatures_are_parsed() -> None:
    assert _parse_temperatures("1,0.5, 1.0") == (0.5, 1.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,x", "not a list of numbers"),
        ("", "not a list of numbers"),
        ("0.5", "1 is missing"),
        ("1,nan", "out of range; expected finite numbers above 0"),
        ("1,inf", "out of range"),
        ("0,1", "out of range"),
    ],
)
def test_invalid_temperatures_are_refused(textgan, recipe, tmp_path, text: str, message: str) -> None:
    code, _, err = textgan("compare", recipe, "--temperatures", text, "--out", tmp_path / "out")
    assert code == 2
    assert err.startswith(f"textgan: --temperatures={text}: {message}")
    assert not (tmp_path / "out").exists()


def test_cluster_options_are_parsed() -> None:
    assert _parse_options(["timeout_min=240", "slurm_partition=gpu", "x="]) == {
        "timeout_min": 240,
        "slurm_partition": "gpu",
        "x": "",
    }
    for wrong in ("timeout", "=3"):
        with pytest.raises(UserError, match=f"--cluster-option={wrong}: .*expected KEY=VALUE"):
            _parse_options([wrong])


def test_lengths_are_parsed() -> None:
    assert _parse_lengths("40,20,40") == [20, 40]
    assert _parse_lengths(None) == []
    for wrong in ("x", "20,", "0"):
        with pytest.raises(UserError, match=f"--lengths={wrong}: not a list of lengths; expected whole numbers"):
            _parse_lengths(wrong)


def test_methods_with_similar_names_have_separate_files(recipe: Path, tmp_path: Path) -> None:
    named = [recipes.load(recipe).named(name) for name in ("t", "t-constant", "t constant", "t-start", "t")]
    plan = make_plan(named, Settings(seeds=1), tmp_path / "out")
    assert len({plan.home(method.name, 0) for method in plan.methods}) == len(plan.methods)
    assert len({method.recipe for method in plan.methods}) == len(plan.methods)

"""The view of a comparison."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from textgan import recipe as recipes
from textgan.cli.display import comparison_view
from textgan.cli.display.comparison_view import _job_table, _JobLines, _print_verdicts, run_comparison, run_study
from textgan.compare import length_study
from textgan.compare.analysis import metric_check, results
from textgan.compare.design.plan import Plan, Settings, make_plan
from textgan.compare.execution.jobs import Job
from textgan.compare.reporting import report
from textgan.core.errors import Failure

PAIR = SimpleNamespace(
    first="\x1b[31mone",
    second="[red]two",
    verdict="better",
    quality="bleu4",
    diversity="self_bleu4",
    corrected=0.03125,
    difference=SimpleNamespace(mean=0.1, low=0.05, high=0.15),
)
FOUND = SimpleNamespace(pairs=[PAIR], flags={"two": [SimpleNamespace(text="few distinct samples", collapse=True)]})


@pytest.fixture
def plan(recipe: Path, tmp_path: Path) -> Plan:
    return make_plan([recipes.load(recipe)], Settings(seeds=2), tmp_path / "comparison")


@pytest.fixture
def jobs(plan: Plan) -> list[Job]:
    return [Job(method, seed, plan.home(method.name, seed)) for method, seed in plan.jobs()]


@pytest.fixture
def arrange(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, jobs: list[Job]) -> Callable[..., None]:
    """A function that sets the outcomes of the runs; nothing is run."""

    def outcomes(*failed: int) -> None:
        def run_all(plan: Plan, workers: int, changed: Callable[[list[Job]], None], *_: Any) -> list[Job]:
            changed(jobs)
            for number, job in enumerate(jobs):
                job.state, job.reason = ("failed", "out of memory") if number in failed else ("done", "")
                changed(jobs)
            return jobs

        monkeypatch.setattr(comparison_view, "run_all", run_all)
        monkeypatch.setattr(metric_check, "check_metrics", lambda plan: None)
        monkeypatch.setattr(results, "results", lambda plan, checked: FOUND)
        monkeypatch.setattr(report, "write", lambda found: tmp_path / "report.html")

    return outcomes


def test_each_run_has_a_line_when_it_ends(
    plan: Plan, jobs: list[Job], arrange: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arrange(1)
    assert run_comparison(plan, 3, [], None) is FOUND  # type: ignore[arg-type]
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert lines[0] == f"{plan.folder}: {len(plan.methods)} methods, 2 seeds, 3 runs in parallel"
    assert len(lines) == 1 + len(jobs) + 1 + 1
    names = [f"{job.method.name}, seed {job.seed}" for job in jobs]
    assert lines[1:3] == [f"1 of {len(jobs)}  {names[0]}: done", f"2 of {len(jobs)}  {names[1]}: failed"]
    assert lines[-2] == f"{names[1]}: out of memory"
    assert lines[-1].startswith(f"{tmp_path / 'report.html'} (0.0 min)")
    assert "better" in out


def test_a_comparison_fails_if_every_run_failed(plan: Plan, jobs: list[Job], arrange: Callable[..., None]) -> None:
    arrange(*range(len(jobs)))
    with pytest.raises(Failure, match="every run failed"):
        run_comparison(plan, 1, [], None)  # type: ignore[arg-type]


def test_a_terminal_shows_a_table(
    plan: Plan, arrange: Callable[..., None], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arrange()
    console = Console(file=io.StringIO(), force_terminal=True, width=100, height=30, _environ={})
    monkeypatch.setattr(comparison_view, "progress_console", lambda: console)
    run_comparison(plan, 1, [], None)  # type: ignore[arg-type]
    assert "seed 0" in console.file.getvalue()  # type: ignore[attr-defined]
    assert "1 of " not in capsys.readouterr().err


def test_the_table_shows_states_and_progress(plan: Plan, jobs: list[Job]) -> None:
    by_row = [job for method in plan.methods for job in jobs if job.method is method]
    by_row[0].state, by_row[0].progress = "running", (1, 3)
    by_row[1].state = "running"
    by_row[2].state, by_row[3].state = "done", "failed"
    console = Console(file=io.StringIO(), width=100)
    console.print(_job_table(plan, jobs))
    rows = [line.split() for line in console.file.getvalue().splitlines()]  # type: ignore[attr-defined]
    assert rows[0] == ["seed", "0", "seed", "1"]
    assert rows[1][-3:] == ["33%", "▸", "▸"]
    assert rows[2][-2:] == ["✓", "✗"]
    assert len(rows) == 1 + len(plan.methods)


def test_lines_are_not_repeated(jobs: list[Job], capsys: pytest.CaptureFixture[str]) -> None:
    lines = _JobLines()
    jobs[0].state = "done"
    lines(jobs)
    lines(jobs)
    assert capsys.readouterr().err.count("\n") == 1


def test_verdicts_are_a_table_of_six_columns(capsys: pytest.CaptureFixture[str]) -> None:
    _print_verdicts(FOUND)  # type: ignore[arg-type]
    out = capsys.readouterr().out
    header, row, flag = (" ".join(line.split()) for line in out.splitlines())
    assert header == "method verdict compared with metric difference p"
    assert row == ("\\x1b[31mone better [red]two bleu4 at equal self_bleu4 +0.100 [+0.050, +0.150] 0.031")
    assert flag == "two: few distinct samples"


def test_pairs_without_a_difference_have_empty_cells(capsys: pytest.CaptureFixture[str]) -> None:
    pair = SimpleNamespace(**{**vars(PAIR), "difference": None, "verdict": "incomparable"})
    _print_verdicts(SimpleNamespace(pairs=[pair], flags={}))  # type: ignore[arg-type]
    assert capsys.readouterr().out.splitlines()[1].rstrip().endswith("bleu4 at equal self_bleu4")


def test_a_study_continues_after_a_failed_length(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    study = length_study.make_plan([str(recipe)], [], [4, 5], Settings(seeds=2), tmp_path / "study")
    measured: list[int] = []

    def run(plan: Plan, *_: object) -> Any:
        if plan.folder == study.home(4):
            raise Failure("every run failed")
        return FOUND

    def write(study: object, found: list[tuple[int, Any]]) -> Path:
        measured.extend(length for length, _ in found)
        return tmp_path / "page.html"

    monkeypatch.setattr(comparison_view, "run_comparison", run)
    monkeypatch.setattr(length_study, "write", write)
    run_study(study, 1, [], None)  # type: ignore[arg-type]
    assert capsys.readouterr().err == f"length 4: every run failed\n{tmp_path / 'page.html'}\n"
    assert measured == [5]


def test_a_study_fails_if_no_length_was_measured(recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = length_study.make_plan([str(recipe)], [], [4], Settings(seeds=2), tmp_path / "study")

    def run(*_: object) -> Any:
        raise Failure("every run failed")

    monkeypatch.setattr(comparison_view, "run_comparison", run)
    with pytest.raises(Failure, match="no length could be measured"):
        run_study(study, 1, [], None)  # type: ignore[arg-type]

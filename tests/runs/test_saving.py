from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from support.runs import PRETRAINING, small

import textgan
from textgan.core.errors import Failure, UserError
from textgan.runs import checkpoint, runner, saving
from textgan.runs.reporter import ProgressReporter
from textgan.runs.run_dir import RunDir
from textgan.runs.saving import Best, CheckpointPolicy
from textgan.training.loop import Phase, Progress, RoundResult

PHASES = [Phase("first", 3, []), Phase("second", 5, [])]


def policy(
    folder: Path,
    best: str | None = None,
    minutes: float = 100,
    keep: int = 1,
    kept: frozenset[str] = frozenset(),
    open_ended: bool = False,
) -> CheckpointPolicy:
    """A policy for a run of two phases, without the run itself."""
    settings = {"checkpoint": {"best": best, "minutes": minutes, "keep": keep}}
    run: Any = SimpleNamespace(recipe=SimpleNamespace(filled=settings), phases=PHASES, modules={})
    return CheckpointPolicy(run, RunDir(folder), ProgressReporter(), None, kept, open_ended)


def after(phase: int, finished: int) -> RoundResult:
    return RoundResult(Progress(phase, finished, finished + 3 * phase), PHASES, {})


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> None:
    """Saves empty checkpoints."""
    monkeypatch.setattr(saving.checkpoint, "save", lambda run, progress, path, extra: path.mkdir(parents=True))


def names(folder: Path) -> list[int]:
    return [int(path.name) for path in RunDir(folder).saved()]


def test_it_saves_at_the_ends_of_phases_and_when_an_evaluation_is_the_best(tmp_path: Path) -> None:
    saves = policy(tmp_path)
    assert not saves.is_due(after(0, 2), evaluated=True, improved=False)
    assert saves.is_due(after(0, 2), evaluated=True, improved=True)
    assert saves.is_due(after(0, 3), evaluated=False, improved=False)


def test_it_saves_after_some_minutes(tmp_path: Path) -> None:
    assert policy(tmp_path, minutes=0).is_due(after(0, 1), evaluated=False, improved=False)
    saves = policy(tmp_path, minutes=5)
    saves.last_save -= 301
    assert saves.is_due(after(0, 1), evaluated=False, improved=False)


def test_it_keeps_the_latest_the_best_and_the_ends_of_phases(tmp_path: Path, written: None) -> None:
    saves = policy(tmp_path, best="m", keep=2)
    for progress in (Progress(0, i, i) for i in range(1, 4)):
        saves.save(progress, {})
    assert names(tmp_path) == [1, 2, 3]
    saves.best = Best(0.0, 2)
    for progress in (Progress(1, i, i + 3) for i in range(1, 6)):
        saves.save(progress, {})
    assert names(tmp_path) == [2, 3, 6, 7, 8], "the best, the end of a phase, the two latest, the end of a phase"


def test_it_keeps_every_evaluation_of_named_phases(tmp_path: Path, written: None) -> None:
    saves = policy(tmp_path, kept=frozenset({"second"}))
    for result in (after(1, i) for i in range(1, 5)):
        if saves.is_due(result, evaluated=result.progress.round in (1, 3), improved=True):
            saves.save(result.progress, {})
    assert names(tmp_path) == [4, 6, 7], "two evaluations, and the latest"


def test_a_resumed_run_still_keeps_them(tmp_path: Path, written: None) -> None:
    folder = RunDir.ensure(tmp_path)
    for global_round, phase, kind in ((2, "first", "evaluation"), (4, "second", "evaluation"), (5, "second", "train")):
        folder.append({"global_round": global_round, "phase": phase, "round": 1, "kind": kind})
    assert policy(tmp_path, kept=frozenset({"second"})).milestones == {3, 4, 8}


def test_the_end_of_an_open_phase_is_not_known_in_advance(tmp_path: Path) -> None:
    assert policy(tmp_path).milestones == {3, 8}
    assert policy(tmp_path, open_ended=True).milestones == {3}


@pytest.mark.parametrize(
    ("direction", "expected"), [("lower", [True, False, True, False]), ("higher", [True] * 2 + [False] * 2)]
)
def test_the_best_depends_on_the_metrics_direction(tmp_path: Path, direction: str, expected: list[bool]) -> None:
    saves = policy(tmp_path, best="m")
    values = enumerate((2.0, 3.0, 1.0, 2.0), 1)
    assert [saves.is_best(Progress(0, i, i), {"m": value}, {"m": direction}) for i, value in values] == expected


def test_nan_is_never_the_best(tmp_path: Path) -> None:
    saves = policy(tmp_path, best="m")
    values = enumerate((math.nan, 3.0, 1.0, 2.0), 1)
    found = [saves.is_best(Progress(0, i, i), {"m": value}, {"m": "lower"}) for i, value in values]
    assert found == [False, True, True, False]
    assert saves.best == Best(1.0, 3)


def test_without_a_best_metric_no_evaluation_is_the_best(tmp_path: Path) -> None:
    assert not policy(tmp_path).is_best(Progress(), {"m": 1.0}, {})


def test_an_unknown_best_metric_is_refused(tmp_path: Path) -> None:
    expected = r'checkpoint\.best=nll_valdation: not a metric of this recipe; did you mean "nll_validation"'
    with pytest.raises(UserError, match=expected):
        policy(tmp_path, best="nll_valdation").is_best(Progress(), {"nll_validation": 1.0}, {})


def test_the_model_is_that_of_the_best_evaluation(tmp_path: Path) -> None:
    settings = ("checkpoint.best=nll_validation", "evaluate.metrics=[nll_validation]", "phases.pretrain-g.rounds=8",
                "phases.pretrain-g.evaluate=1", "optimizers.generator.lr=1.0")  # fmt: skip
    runner.start(small(*PRETRAINING, *settings), tmp_path / "run")
    evaluations = [e for e in RunDir(tmp_path / "run").entries() if e["kind"] == "evaluation"]
    best = min(evaluations, key=lambda entry: entry["nll_validation"])["global_round"]
    assert best != 8, "the last must not be the best by chance"
    saved = checkpoint.read(RunDir(tmp_path / "run").checkpoint(best))[0]
    model = textgan.load(tmp_path / "run", device="cpu").generator.state_dict()
    assert all(torch.equal(model[name], saved[f"generator.{name}"]) for name in model)


def test_which_checkpoints_a_run_leaves(whole_run: Path) -> None:
    assert names(whole_run) == [6, 8, 10, 11, 12]


def test_a_player_with_an_infinite_parameter_is_not_saved(tmp_path: Path, written: None) -> None:
    saver = policy(tmp_path)
    saver.run.modules["critic"] = torch.nn.Linear(2, 1)
    saver.save(Progress(0, 1, 1), None)  # type: ignore[arg-type]
    with torch.no_grad():
        saver.run.modules["critic"].weight[0, 1] = torch.inf
    with pytest.raises(Failure, match=r"critic\.weight is not finite after round 2 of first: .*000001"):
        saver.save(Progress(0, 2, 2), None)  # type: ignore[arg-type]
    assert [path.name for path in saver.folder.saved()] == ["000001"]

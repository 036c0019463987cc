"""One session: what it records, its callbacks, and the ways in which it ends."""

from __future__ import annotations

import json
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import pytest
import torch
from safetensors.torch import load_file
from support.runs import PRETRAINING, result_files, small
from support.stopping import StopAt

import textgan
from textgan.core.errors import Failure
from textgan.core.options import PositiveInt
from textgan.core.roles import Generator, Tracker
from textgan.metrics.base import Evaluation, Metric
from textgan.runs import runner
from textgan.runs.run_dir import RunDir
from textgan.runs.signals import Stopped
from textgan.training.callbacks.base import Callback
from textgan.training.loop import RoundResult


def test_the_folder_has_the_documented_files(whole_run: Path) -> None:
    for name in ("recipe.yaml", "recipe.given.yaml", "environment.json", "data.json", "metrics.jsonl", "log.txt"):
        assert (whole_run / name).stat().st_size > 0, name
    assert set(json.loads((whole_run / "cost.json").read_text())) == {"pretrain-g", "pretrain-d", "adversarial"}
    assert len((whole_run / "samples/000012.txt").read_text().splitlines()) == 8, "log.samples"


def test_metrics_have_an_entry_for_each_log_and_evaluation(whole_run: Path) -> None:
    entries = RunDir(whole_run).entries()
    assert [e["global_round"] for e in entries if e["kind"] == "evaluation"] == [3, 6, 10, 12]
    assert [e["global_round"] for e in entries if e["kind"] == "train"] == list(range(1, 13))
    assert {e["phase"] for e in entries} == {"pretrain-g", "pretrain-d", "adversarial"}
    assert [(e["phase"], e["round"]) for e in entries if e["global_round"] == 8] == [("pretrain-d", 2)]
    position = ("global_round", "round", "phase", "kind")
    assert all(isinstance(value, float) for e in entries for key, value in e.items() if key not in position)


def test_sigterm_saves_a_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(Stopped) as caught:
        runner.start(small(), tmp_path / "run", StopAt(3, signal.SIGTERM))
    assert caught.value.signal == signal.SIGTERM
    assert (tmp_path / "run/checkpoints/000003/state.json").exists()
    assert "stopped; continue with --resume" in (tmp_path / "run/log.txt").read_text()


def test_divergence_is_a_failure_with_advice(tmp_path: Path) -> None:
    settings = ("optimizers.generator.lr=1e38", "optimizers.generator.clip=null", "checkpoint.minutes=100")
    with pytest.raises(Failure, match=r"nll_train is (nan|inf) in round \d of pretrain-g.*smaller lr"):
        runner.start(small(*settings), tmp_path / "run")


def test_a_callback_is_called_before_the_first_round_and_after_each(tmp_path: Path) -> None:
    rounds: list[int] = []

    @textgan.register("callback", "freeze_late")
    class FreezeLate(Callback):
        """Sets the generator to zero after some round.

        Args:
            after: the round.
        """

        def __init__(self, generator: Generator, after: PositiveInt = 5) -> None:
            self.generator, self.after = generator, after

        def __call__(self, result: RoundResult) -> None:
            rounds.append(result.progress.global_round)
            if result.progress.global_round == self.after:
                for parameter in self.generator.parameters():
                    parameter.data.zero_()

    runner.start(small(*PRETRAINING, "callbacks=[{name: freeze_late, after: 6}]"), tmp_path / "run")
    assert rounds == [0, 1, 2, 3, 4, 5, 6]
    assert not any(p.any() for p in textgan.load(tmp_path / "run", device="cpu").generator.parameters())


def test_a_tracker_gets_all_entries_and_is_closed_when_a_run_fails(tmp_path: Path) -> None:
    calls: list[object] = []

    @textgan.register("tracker", "recording")
    class Recording(Tracker):
        """Records its calls."""

        def __init__(self, run_folder: Path) -> None:
            calls.append(run_folder)

        def log(self, global_round: int, phase: str, values: Mapping[str, float]) -> None:
            calls.append((global_round, phase, sorted(values)))

        def close(self) -> None:
            calls.append("closed")

    settings = (*PRETRAINING, "trackers=[recording]", "evaluate.metrics=[unique]")
    with pytest.raises(Stopped):
        runner.start(small(*settings), tmp_path / "run", StopAt(2))
    statistics = ["nll_train"]
    assert calls == [tmp_path / "run", (1, "pretrain-g", statistics), (2, "pretrain-g", statistics), "closed"]
    calls.clear()
    runner.resume(tmp_path / "run")
    assert (3, "pretrain-g", ["unique"]) in calls
    assert (6, "pretrain-g", ["unique"]) in calls
    assert calls[-1] == "closed"


def test_a_failing_evaluation_does_not_lose_the_training(tmp_path: Path) -> None:
    @textgan.register("metric", "failing")
    class FailingMetric(Metric):
        """Fails."""

        def __call__(self, evaluation: Evaluation) -> Mapping[str, float]:
            raise RuntimeError("out of paper")

    settings = (*PRETRAINING, "evaluate.metrics=[failing]", "checkpoint.minutes=100")
    with pytest.raises(RuntimeError, match="out of paper"):
        runner.start(small(*settings), tmp_path / "run")
    assert [path.name for path in RunDir(tmp_path / "run").saved()] == ["000003"]


@pytest.mark.parametrize("failing", [1, 2])
def test_a_failed_evaluation_is_made_on_resume(tmp_path: Path, failing: int) -> None:
    calls: list[int] = []

    @textgan.register("metric", "fails_once")
    class FailsOnce(Metric):
        """Fails at one of its calls."""

        def __call__(self, evaluation: Evaluation) -> Mapping[str, float]:
            calls.append(1)
            if len(calls) == failing:
                raise RuntimeError("out of paper")
            return {"length": sum(map(len, evaluation.texts)) / len(evaluation.texts)}

        def better(self) -> Mapping[str, Literal["higher", "lower"]]:
            return {"length": "lower"}

    settings = small(*PRETRAINING, "evaluate.metrics=[fails_once]", "checkpoint.minutes=100", "checkpoint.best=length")
    with pytest.raises(RuntimeError, match="out of paper"):
        runner.start(settings, tmp_path / "failed")
    runner.resume(tmp_path / "failed")
    calls[:] = [1, 1]
    runner.start(settings, tmp_path / "whole")
    assert result_files(tmp_path / "failed") == result_files(tmp_path / "whole")
    saved = [[path.name for path in RunDir(tmp_path / name).saved()] for name in ("failed", "whole")]
    assert saved[0] == saved[1]
    calls.clear()
    runner.resume(tmp_path / "whole")
    assert not calls, "a finished run is not evaluated again"


def test_weights_that_are_not_finite_are_not_saved(tmp_path: Path) -> None:
    settings = ("optimizers.generator.lr=1e38", "optimizers.generator.clip=null", "log.every=50")
    with pytest.raises(Failure, match=r"generator\.\S+ is not finite after round \d of pretrain-g: .*smaller lr"):
        runner.start(small(*PRETRAINING, *settings), tmp_path / "run")
    for folder in RunDir(tmp_path / "run").saved():
        weights = load_file(folder / "weights.safetensors")
        assert all(value.isfinite().all() for name, value in weights.items() if "logit_mask" not in name)


def test_the_initial_generator_may_be_the_best(tmp_path: Path) -> None:
    settings = ("checkpoint.best=self_bleu2", "evaluate.start=true", "evaluate.metrics=[self_bleu]")
    runner.start(small(*PRETRAINING, *settings), tmp_path / "run")
    entries = [e for e in RunDir(tmp_path / "run").entries() if e["kind"] == "evaluation"]
    best = min(entries, key=lambda entry: entry["self_bleu2"])
    assert best["global_round"] == 0, "tokens sampled uniformly have the lowest self-BLEU"
    model, start = tmp_path / "run/model/generator.safetensors", RunDir(tmp_path / "run").checkpoint(0)
    saved = load_file(start / "weights.safetensors")
    assert all(torch.equal(value, saved[f"generator.{name}"]) for name, value in load_file(model).items())

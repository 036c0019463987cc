"""Plays a run from its current progress to its end, with evaluations, log entries and checkpoints."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace

import torch

from textgan.core.errors import Failure
from textgan.core.roles import Tracker
from textgan.runs import checkpoint, model
from textgan.runs.builder import Run, make
from textgan.runs.cost import Budget, CostMeter, Spent
from textgan.runs.evaluator import evaluate
from textgan.runs.reporter import ProgressReporter, Result
from textgan.runs.run_dir import RunDir
from textgan.runs.saving import Best, CheckpointPolicy, last_good
from textgan.runs.signals import Stopped, StopRequest
from textgan.training.loop import Progress, RoundResult, train


class Session:
    """Plays the phases of a built run.

    Args:
        run: the run, in the state in which it continues.
        folder: where results are written.
        reporter: receives the events.
        best: the best evaluation of an interrupted run.
        spent: the cost so far.
        budget: ends the last phase; see `textgan.runs.cost`.
        kept: phases of which the checkpoint of every evaluation is kept.
    """

    def __init__(
        self,
        run: Run,
        folder: RunDir,
        reporter: ProgressReporter,
        best: Best | None,
        spent: Spent | None,
        budget: Budget,
        kept: frozenset[str],
    ) -> None:
        self.run, self.folder, self.reporter = run, folder, reporter
        self.meter, self.budget = CostMeter(run, spent), budget
        self.settings = run.recipe.filled
        self.saving = CheckpointPolicy(run, folder, reporter, best, kept, open_ended=bool(budget.phases))
        self.trackers: list[Tracker] = [
            make("tracker", block, {"run_folder": folder.path}) for block in self.settings["trackers"]
        ]
        self.result = Result(folder.path)
        for metric in run.metrics:
            self.result.better = {**self.result.better, **metric.better()}
        parameters = {id(p) for p in run.generator.parameters()}
        self.generator_phases = {
            phase.name
            for phase in run.phases
            if any(id(p) in parameters for turn in phase.turns for update in turn.updates for p in update.parameters)
        }
        if budget.phases:
            run.phases[-1] = replace(run.phases[-1], open=True)

    def play(self, progress: Progress) -> Result:
        """Plays the remaining rounds, then saves the model.

        Raises:
            Failure: if training diverged, or the disk is full.
            Stopped: if a signal arrived; a checkpoint was saved.
        """
        self._restore_table()
        self.reporter.on_run_start(self.run, self.folder, progress)
        total = sum(phase.rounds for phase in self.run.phases)
        self.folder.log(f"at round {progress.global_round} of {total}")
        try:
            column = self._first_column(progress, total)
            if column and column not in self.result.columns and self._evaluate(column, progress):
                self._save(progress)  # the best evaluation may turn out to be this one
            restored = self._restored_round(progress)
            if restored and self._is_evaluation_missing(restored):
                self._evaluate_and_save(restored)
            with StopRequest(self.reporter.on_stop_requested) as request:
                for callback in self.run.callbacks:
                    callback(RoundResult(progress, self.run.phases, {}))
                for result in self._rounds(progress):
                    self._after(result)
                    if request.signal is not None:
                        self._save(result.progress)
                        self.folder.log("stopped; continue with --resume")
                        raise Stopped(request.signal)
        finally:
            for tracker in self.trackers:
                tracker.close()
        if self.saving.best is not None:
            best = self.folder.checkpoint(self.saving.best.global_round)
            checkpoint.restore_player(self.run.generator, "generator", best)
        model.save(self.run, self.folder.model)
        self.folder.write("summary.json", self.result.summary())
        self.folder.write("cost.json", self.meter.spent)
        return self.result

    def _first_column(self, progress: Progress, total: int) -> str | None:
        """Returns the column of an evaluation before the first round, or None."""
        if progress.global_round == 0 and self.settings["evaluate"]["start"]:
            return "start"
        if progress.global_round == total and not self.budget.phases and not self.result.columns:
            return self.run.phases[-1].name  # a control that differs in its decoding alone
        return None

    def _rounds(self, progress: Progress) -> Iterator[RoundResult]:
        """Yields the remaining rounds, each with the share of the budget that is spent."""
        if self.budget.share(self.meter.spent) >= 1:
            return
        for result in self.meter.watch(lambda batches: train(self.run.phases, batches, progress)):
            if self.budget.phases:
                result = replace(result, budget=self.budget.share(self.meter.spent))
            yield result
            if result.budget >= 1:
                return

    def _after(self, result: RoundResult) -> None:
        """Calls callbacks, and logs, evaluates and saves if these are due."""
        for callback in self.run.callbacks:
            callback(result)
        self.reporter.on_round_end(result)
        if result.progress.round % self.settings["log"]["every"] == 0 or result.ends_phase:
            self._log(result)
        self._evaluate_and_save(result)

    def _evaluate_and_save(self, result: RoundResult) -> None:
        """Evaluates and saves if these are due after a round."""
        improved = False
        if self._is_evaluated(result):
            try:
                improved = self._evaluate(result.phase.name, result.progress)
            except Exception:
                self._save(result.progress)  # so that a failed evaluation does not lose the training
                raise
        if self.saving.is_due(result, evaluated=self._is_due(result), improved=improved):
            self._save(result.progress)

    def _is_evaluated(self, result: RoundResult) -> bool:
        """Returns whether the generator is evaluated after a round."""
        return (self._is_due(result) or result.ends_phase) and result.phase.name in self.generator_phases

    def _is_due(self, result: RoundResult) -> bool:
        """Returns whether the round is a multiple of the phase's `evaluate`."""
        every = self.settings["phases"][result.phase.name]["evaluate"]
        return every is not None and result.progress.round % every == 0

    def _restored_round(self, progress: Progress) -> RoundResult | None:
        """Returns the round after which this run's own checkpoint was saved; None if it starts or branches here."""
        if progress.round == 0 or not self.folder.checkpoint(progress.global_round).exists():
            return None
        share = self.budget.share(self.meter.spent) if self.budget.phases else 0.0
        return RoundResult(progress, self.run.phases, {}, share)

    def _is_evaluation_missing(self, result: RoundResult) -> bool:
        """Returns whether the evaluation after a round failed, so that the checkpoint was saved without it."""
        made = (
            entry["kind"] == "evaluation" and entry["global_round"] == result.progress.global_round
            for entry in self.folder.entries()
        )
        return self._is_evaluated(result) and not any(made)

    def _log(self, result: RoundResult) -> None:
        """Logs the statistics of a round. Raises Failure if one is not finite."""
        names = list(result.stats)
        numbers = torch.stack([result.stats[name].detach().float() for name in names]).tolist() if names else []
        values = dict(zip(names, numbers, strict=True))
        self._record("train", result.phase.name, result.progress, values)
        self.reporter.on_log(result, values)
        infinite = [name for name, value in values.items() if not math.isfinite(value)]
        if infinite:
            raise Failure(
                f"{infinite[0]} is {values[infinite[0]]} in round {result.progress.round} of {result.phase.name}: "
                f"training diverged; {last_good(self.folder)}; use a smaller lr or a clip for the optimizer"
            )

    def _evaluate(self, column: str, progress: Progress) -> bool:
        """Evaluates the generator. Returns whether this was the best evaluation so far."""
        settings, run = self.settings, self.run
        samples = settings["evaluate"]["samples"]
        measured = evaluate(run.generator, run.corpus, run.metrics, samples, run.seed, run.decoding)
        self.result.columns[column] = measured.values
        self.result.signatures = [s for s in (metric.signature() for metric in run.metrics) if s]
        self._record("evaluation", column, progress, measured.values)
        self.folder.write("summary.json", self.result.summary())
        self.folder.write_samples(progress.global_round, measured.texts[: settings["log"]["samples"]])
        self.reporter.on_evaluation(column, progress, measured)
        return self.saving.is_best(progress, measured.values, self.result.better)

    def _record(self, kind: str, phase: str, progress: Progress, values: Mapping[str, float]) -> None:
        """Writes an entry of `metrics.jsonl`, and passes it to the trackers."""
        entry = {"global_round": progress.global_round, "phase": phase, "round": progress.round, "kind": kind}
        self.folder.append({**entry, **values})
        for tracker in self.trackers:
            tracker.log(progress.global_round, phase, values)

    def _restore_table(self) -> None:
        """Restores the table of an interrupted run: its evaluations and the metrics' signatures."""
        if (self.folder.path / "summary.json").exists():
            self.result.signatures = self.folder.read("summary.json")["signatures"]
        for entry in self.folder.entries():
            if entry.pop("kind") == "evaluation":
                phase = entry.pop("phase")
                self.result.columns[phase] = {k: v for k, v in entry.items() if k not in ("global_round", "round")}

    def _save(self, progress: Progress) -> None:
        self.saving.save(progress, self.meter.spent)

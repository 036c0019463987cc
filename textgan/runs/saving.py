"""Decides when a run saves a checkpoint, which checkpoints it keeps, and which evaluation is the best."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from textgan.core.errors import Failure, UserError
from textgan.core.registry import suggest
from textgan.runs import checkpoint
from textgan.runs.builder import Run
from textgan.runs.cost import Spent
from textgan.runs.reporter import ProgressReporter
from textgan.runs.run_dir import RunDir
from textgan.training.loop import Progress, RoundResult


@dataclass(frozen=True)
class Best:
    """Holds the best evaluation so far.

    Args:
        value: of the metric that `checkpoint.best` names.
        global_round: the round after which it was measured.
    """

    value: float
    global_round: int


class CheckpointPolicy:
    """Saves after `checkpoint.minutes`, at the ends of phases, and whenever an evaluation is the best so far.

    Args:
        run: what is saved.
        folder: where it is saved.
        reporter: receives the events.
        best: the best evaluation of an interrupted run.
        kept: phases of which the checkpoint of every evaluation is kept.
        open_ended: whether a budget ends the last phase, so that its end is not known in advance.
    """

    def __init__(
        self,
        run: Run,
        folder: RunDir,
        reporter: ProgressReporter,
        best: Best | None,
        kept: frozenset[str],
        open_ended: bool,
    ) -> None:
        self.run, self.folder, self.reporter, self.best, self.kept = run, folder, reporter, best, kept
        self.settings = run.recipe.filled["checkpoint"]
        self.last_save = time.monotonic()
        ends = [sum(p.rounds for p in run.phases[: i + 1]) for i in range(len(run.phases))]
        self.milestones = set(ends)
        evaluated = [entry for entry in folder.entries() if entry["kind"] == "evaluation"]
        self.milestones |= {entry["global_round"] for entry in evaluated if entry["phase"] in kept}
        if open_ended:
            self.milestones.remove(ends[-1])

    def is_due(self, result: RoundResult, evaluated: bool, improved: bool) -> bool:
        """Returns whether to save after this round; remembers the checkpoints that are never deleted."""
        waited = time.monotonic() - self.last_save >= 60 * self.settings["minutes"]
        permanent = result.ends_phase or (evaluated and result.phase.name in self.kept)
        if permanent:
            self.milestones.add(result.progress.global_round)
        return bool(waited or improved or permanent)

    def is_best(self, progress: Progress, values: Mapping[str, float], better: Mapping[str, str]) -> bool:
        """Returns whether these values are the best so far.

        Raises:
            UserError: if no metric has the name that `checkpoint.best` gives.
        """
        name = self.settings["best"]
        if name is None:
            return False
        if name not in values:
            raise UserError(
                f"checkpoint.best={name}: not a metric of this recipe{suggest(name, values)}; expected one of "
                f"{', '.join(values)}; change checkpoint.best or evaluate.metrics"
            )
        sign = -1 if better.get(name) == "higher" else 1
        improved = self.best is None or sign * values[name] < sign * self.best.value
        if improved and not math.isnan(values[name]):
            self.best = Best(values[name], progress.global_round)
        return self.best is not None and self.best.global_round == progress.global_round

    def save(self, progress: Progress, spent: Spent) -> None:
        """Saves a checkpoint and deletes those that are no longer needed.

        Raises:
            Failure: if a parameter is infinite or NaN. Nothing is saved, so the checkpoints before remain the latest.
        """
        self._require_finite(progress)
        path = self.folder.checkpoint(progress.global_round)
        best = asdict(self.best) if self.best else None
        checkpoint.save(self.run, progress, path, {"best": best, "spent": spent})
        self.last_save = time.monotonic()
        self.reporter.on_checkpoint(path)
        permanent = self.milestones | ({self.best.global_round} if self.best else set())
        temporary = [p for p in self.folder.saved() if int(p.name) not in permanent]
        for old in temporary[: -self.settings["keep"]]:
            checkpoint.remove(old)

    def _require_finite(self, progress: Progress) -> None:
        """Raises Failure if a parameter of a player is not finite."""
        for player, module in self.run.modules.items():
            for name, parameter in module.named_parameters():
                if not parameter.isfinite().all():
                    raise Failure(
                        f"{player}.{name} is not finite after round {progress.round} of "
                        f"{self.run.phases[progress.phase].name}: training diverged; {last_good(self.folder)}; "
                        "use a smaller lr or a clip for the optimizer"
                    )


def last_good(folder: RunDir) -> str:
    """Describes the latest checkpoint, all of whose parameters are finite."""
    saved = folder.saved()
    return f"the last good checkpoint is {saved[-1]}" if saved else "no checkpoint was saved yet"

"""Runs a recipe: the loop of `textgan.training`, with everything that surrounds it.

`start` begins a run folder, `resume` goes on with one, both through `_advance`; a control is the same once more, begun
at the checkpoint up to which it is alike. Results, sentences and checkpoints go to the folder, news to an observer.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from textgan import checkpoint, model
from textgan.build import Run, build, common_phases, make, prepare
from textgan.data.corpus import Corpus
from textgan.environment import environment
from textgan.errors import Failure, UserError
from textgan.evaluation import Measured, evaluate
from textgan.folder import Folder, refuse_taken
from textgan.meter import NO_LIMIT, Limit, Meter, Spent
from textgan.recipe import Recipe
from textgan.recipe import load as load_recipe
from textgan.registry import suggest
from textgan.roles import Tracker
from textgan.stopping import Stopped, StopRequest
from textgan.training import Place, Step, train


class Observer:
    """What may be shown of a run while it goes on. Does nothing; override what you show."""

    def began(self, run: Run, folder: Folder, place: Place) -> None: ...

    def stepped(self, step: Step) -> None:
        """After every round. Reading `step.stats` here would wait for the device: use `logged`."""

    def logged(self, step: Step, values: Mapping[str, float]) -> None: ...

    def evaluated(self, column: str, place: Place, measured: Measured) -> None: ...

    def saved(self, path: Path) -> None: ...

    def stopping(self) -> None:
        """A signal came; the round goes on to its end."""

    def control(self, name: str) -> None:
        """A control starts."""

    def ended(self, result: Result) -> None: ...


@dataclass
class Result:
    """What a run came to.

    Args:
        folder: the run's.
        columns: "pretrain-g", "adversarial", and one for each control -> metric -> value.
        better: metric -> "higher" or "lower", where one is better.
        signatures: how the numbers were had.
    """

    folder: Path
    columns: dict[str, Mapping[str, float]] = field(default_factory=dict)
    better: Mapping[str, str] = field(default_factory=dict)
    signatures: Sequence[str] = ()


def start(recipe: Recipe, folder: Path, observer: Observer | None = None) -> Result:
    """Runs a recipe in a new folder. Raises UserError, Failure or Stopped."""
    refuse_taken(folder)
    run = build(recipe, prepare(recipe))
    home = Folder.create(folder)
    with home.held():
        home.write("environment.json", environment(recipe))
        home.write("recipe.given.yaml", recipe.given_yaml())
        home.write("recipe.yaml", recipe.yaml())  # last: where it stands, a run can be gone on with
        _keep_data(home, run.corpus)
        return _whole(run, home, observer or Observer())


def resume(folder: Path, observer: Observer | None = None) -> Result:
    """Goes on with a run that was stopped, to the same end as if it had not been. UserError while it runs."""
    home = Folder.open(folder)
    with home.held():
        recipe = load_recipe(folder / "recipe.yaml").named(home.read("environment.json")["recipe"])
        corpus = prepare(recipe)
        _keep_data(home, corpus)
        return _whole(build(recipe, corpus), home, observer or Observer())


def branch(
    recipe: Recipe,
    folder: Path,
    origin: Path | None,
    observer: Observer | None = None,
    limit: Limit = NO_LIMIT,
    kept: frozenset[str] = frozenset(),
) -> Run:
    """Runs a recipe without its controls, begun at another run's checkpoint up to which the two are alike.

    Goes on if it was begun before; give it the same limit then. Returns the trained run.

    Args:
        limit: a budget.
        kept: phases of which the checkpoint of every evaluation is kept.
    """
    corpus = prepare(recipe)
    new = not (folder / "recipe.yaml").is_file()
    home = Folder.made(folder)
    with home.held():
        if new:
            home.write("environment.json", environment(recipe))
            home.write("recipe.yaml", recipe.yaml())
        _keep_data(home, corpus)
        run = build(recipe, corpus)
        _advance(run, home, observer or Observer(), origin, limit, kept)
        return run


def _whole(run: Run, home: Folder, observer: Observer) -> Result:
    """The run, then its controls."""
    recipe, corpus = run.recipe, run.corpus
    result = _advance(run, home, observer, None)
    for name in recipe.filled["controls"]:
        observer.control(name)
        control = recipe.control(name)
        begun = sum(phase.steps for phase in run.phases[: common_phases(recipe, control)])
        inner = Folder(home.path / "controls" / name)
        inner.write("recipe.yaml", control.yaml())
        inner.write("environment.json", environment(control))
        came = _advance(build(control, corpus), inner, observer, home.checkpoint(begun) if begun else None)
        result.columns[name] = list(came.columns.values())[-1]
        home.write("summary.json", _summary(result))
    observer.ended(result)
    return result


def _keep_data(home: Folder, corpus: Corpus) -> None:
    """Writes down what the data is. Raises UserError where a run would go on with other data than it was begun with."""
    before = home.read("data.json") if (home.path / "data.json").exists() else None
    if home.saved() and before and before["fingerprint"] != corpus.fingerprint():
        raise UserError(
            f"{home.path}: its data has changed since the run was begun, so it cannot go on; "
            "bring the data back, or begin a new run"
        )
    home.write("data.json", {**corpus.summary(), "fingerprint": corpus.fingerprint()})


def _advance(
    run: Run,
    folder: Folder,
    observer: Observer,
    origin: Path | None,
    limit: Limit = NO_LIMIT,
    kept: frozenset[str] = frozenset(),
) -> Result:
    """From wherever the folder stands to the end of the last phase, or of the budget."""
    saved, best, spent = folder.saved(), None, None
    if saved:
        try:
            place = checkpoint.restore(run, saved[-1])
        except UserError as error:
            before = f"; delete that folder to go on from {saved[-2].name}" if saved[1:] else ""
            raise UserError(f"{error}{before}") from error
        extra = checkpoint.extra(saved[-1])
        best, spent = Best(**extra["best"]) if extra["best"] else None, extra.get("spent")
    elif origin is not None:
        place = checkpoint.restore(run, origin, of=load_recipe(origin.parents[1] / "recipe.yaml"))
        spent = checkpoint.extra(origin).get("spent")
    else:
        place = Place()
        torch.manual_seed(run.seed)
    folder.rewind(place.index if saved or origin else -1)  # an evaluation at the start is made again, too
    return _Session(run, folder, observer, best, spent, limit, kept).play(place)


@dataclass(frozen=True)
class Best:
    """The best evaluation so far, by the number that `checkpoint.best` names."""

    value: float
    index: int


class _Session:
    """One pass through the phases, with its clock and its books."""

    def __init__(
        self,
        run: Run,
        folder: Folder,
        observer: Observer,
        best: Best | None,
        spent: Spent | None,
        limit: Limit,
        kept: frozenset[str],
    ) -> None:
        self.run, self.folder, self.observer, self.best = run, folder, observer, best
        self.meter, self.limit, self.kept = Meter(run, spent), limit, kept
        self.settings = run.recipe.filled
        self.trackers: list[Tracker] = [
            make("tracker", block, {"run_folder": folder}) for block in self.settings["trackers"]
        ]
        self.result = Result(folder.path)
        for metric in run.metrics:
            self.result.better = {**self.result.better, **metric.better()}
        self.last_save = time.monotonic()
        own = {id(p) for p in run.generator.parameters()}
        self.writes = {
            phase.name
            for phase in run.phases
            if any(id(p) in own for turn in phase.turns for mover in turn.movers for p in mover.parameters)
        }
        ends = [sum(p.steps for p in run.phases[: i + 1]) for i in range(len(run.phases))]
        self.milestones = set(ends)
        evaluated = [entry for entry in folder.entries() if entry["kind"] == "evaluation"]
        self.milestones |= {entry["step"] for entry in evaluated if entry["phase"] in kept}
        if limit.phases:
            run.phases[-1] = replace(run.phases[-1], open=True)
            self.milestones.remove(ends[-1])

    def play(self, place: Place) -> Result:
        """All rounds that are left, then the model."""
        self._recall()
        self.observer.began(self.run, self.folder, place)
        total = sum(phase.steps for phase in self.run.phases)
        self.folder.log(f"at round {place.index} of {total}")
        try:
            if place.index == 0 and self.settings["evaluate"]["start"]:
                column = "start"
            elif place.index == total and not self.limit.phases and not self.result.columns:
                column = self.run.phases[-1].name  # a control that only decodes otherwise
            else:
                column = None
            if column and column not in self.result.columns and self._evaluate(column, place):
                self._save(place)  # the best may be asked for in the end
            with StopRequest(self.observer.stopping) as request:
                for callback in self.run.callbacks:
                    callback(Step(place, self.run.phases, {}))
                for step in self._rounds(place):
                    self._after(step)
                    if request.signal is not None:
                        self._save(step.place)
                        self.folder.log("stopped; goes on with --resume")
                        raise Stopped(request.signal)
        finally:
            for tracker in self.trackers:
                tracker.close()
        if self.best is not None:
            checkpoint.restore_player(self.run.generator, "generator", self.folder.checkpoint(self.best.index))
        model.save(self.run, self.folder.model)
        self.folder.write("summary.json", _summary(self.result))
        self.folder.write("cost.json", self.meter.spent)
        return self.result

    def _rounds(self, place: Place) -> Iterator[Step]:
        """Those that are left, each with what it leaves of a budget."""
        if self.limit.share(self.meter.spent) >= 1:
            return
        for step in self.meter.watch(lambda batches: train(self.run.phases, batches, place)):
            if self.limit.phases:
                step = replace(step, budget=self.limit.share(self.meter.spent))
            yield step
            if step.budget >= 1:
                return

    def _after(self, step: Step) -> None:
        """What follows each round: statistics, evaluation, checkpoint."""
        for callback in self.run.callbacks:
            callback(step)
        self.observer.stepped(step)
        if step.place.round % self.settings["log"]["every"] == 0 or step.ends_phase:
            self._log(step)
        every = self.settings["phases"][step.phase.name]["evaluate"]
        due = every is not None and step.place.round % every == 0
        improved = False
        if (due or step.ends_phase) and step.phase.name in self.writes:
            try:
                improved = self._evaluate(step.phase.name, step.place)
            except Exception:
                self._save(step.place)  # what was trained is not lost by a measurement that fails
                raise
        waited = time.monotonic() - self.last_save >= 60 * self.settings["checkpoint"]["minutes"]
        lasting = step.ends_phase or (due and step.phase.name in self.kept)
        if lasting:
            self.milestones.add(step.place.index)
        if waited or improved or lasting:
            self._save(step.place)

    def _log(self, step: Step) -> None:
        names = list(step.stats)
        numbers = torch.stack([step.stats[name].detach().float() for name in names]).tolist() if names else []
        values = dict(zip(names, numbers, strict=True))
        self._record("train", step.phase.name, step.place, values)
        self.observer.logged(step, values)
        wrong = [name for name, value in values.items() if not math.isfinite(value)]
        if wrong:
            saved = self.folder.saved()
            kept = f"the last good checkpoint is {saved[-1]}" if saved else "no checkpoint was saved yet"
            raise Failure(
                f"{wrong[0]} is {values[wrong[0]]} in round {step.place.round} of {step.phase.name}: training "
                f"diverged; {kept}. A smaller lr or a clip for the optimizer usually helps"
            )

    def _evaluate(self, column: str, place: Place) -> bool:
        """Measures, and says whether it was the best so far."""
        settings, run = self.settings, self.run
        samples = settings["evaluate"]["samples"]
        measured = evaluate(run.generator, run.corpus, run.metrics, samples, run.seed, run.decoding)
        self.result.columns[column] = measured.values
        self.result.signatures = [s for s in (metric.signature() for metric in run.metrics) if s]
        self._record("evaluation", column, place, measured.values)
        self.folder.write("summary.json", _summary(self.result))
        self.folder.sentences(place.index, measured.texts[: settings["log"]["samples"]])
        self.observer.evaluated(column, place, measured)
        return self._is_best(place, measured.values)

    def _is_best(self, place: Place, values: Mapping[str, float]) -> bool:
        name = self.settings["checkpoint"]["best"]
        if name is None:
            return False
        if name not in values:
            raise UserError(
                f"checkpoint.best: no metric gives {name}{suggest(name, values)}; there are: {', '.join(values)}"
            )
        sign = -1 if self.result.better.get(name) == "higher" else 1
        better = self.best is None or sign * values[name] < sign * self.best.value
        if better and not math.isnan(values[name]):
            self.best = Best(values[name], place.index)
        return self.best is not None and self.best.index == place.index

    def _record(self, kind: str, phase: str, place: Place, values: Mapping[str, float]) -> None:
        self.folder.append({"step": place.index, "phase": phase, "round": place.round, "kind": kind, **values})
        for tracker in self.trackers:
            tracker.log(place.index, phase, values)

    def _recall(self) -> None:
        """The table so far, from what an interrupted run had measured, and how it had measured it."""
        if (self.folder.path / "summary.json").exists():
            self.result.signatures = self.folder.read("summary.json")["signatures"]
        for entry in self.folder.entries():
            if entry.pop("kind") == "evaluation":
                phase = entry.pop("phase")
                self.result.columns[phase] = {k: v for k, v in entry.items() if k not in ("step", "round")}

    def _save(self, place: Place) -> None:
        path = self.folder.checkpoint(place.index)
        best = asdict(self.best) if self.best else None
        checkpoint.save(self.run, place, path, {"best": best, "spent": self.meter.spent})
        self.last_save = time.monotonic()
        self.observer.saved(path)
        lasting = self.milestones | ({self.best.index} if self.best else set())
        passing = [p for p in self.folder.saved() if int(p.name) not in lasting]
        for old in passing[: -self.settings["checkpoint"]["keep"]]:
            checkpoint.remove(old)


def _summary(result: Result) -> Mapping[str, Any]:
    return {"columns": result.columns, "better": dict(result.better), "signatures": list(result.signatures)}

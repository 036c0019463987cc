"""Which checkpoint of a run is compared: the one that is best on validation text. Test text has no say in it."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from textgan.compare.analysis.axes import AXES, axes, frontier_of
from textgan.compare.analysis.frontier import gap
from textgan.compare.design.plan import Settings
from textgan.compare.execution.measure import sweep
from textgan.core.errors import UserError
from textgan.metrics.base import Metric
from textgan.runs import checkpoint, model
from textgan.runs.builder import Run, corpus_objects, make
from textgan.runs.run_dir import RunDir

Points = Sequence[Mapping[str, float]]


def choose(run: Run, folder: RunDir, first: int, settings: Settings, seed: int) -> Mapping[str, Any]:
    """Puts the best checkpoint's generator into the run and into its model's folder.

    Candidates are all checkpoints of evaluations behind round `first`. Each is measured at all temperatures with
    validation text in the place of test text. The best has, at equal diversity, the best quality: on average over the
    others, the last one where nothing decides.

    Returns:
        {"global_round", "of", "quality", "diversity", "scores"}: the round, all rounds, the axes, each one's lead. Empty where
        there is nothing to choose between.

    Raises:
        UserError: if there is no validation text.
    """
    evaluated = {entry["global_round"] for entry in folder.entries() if entry["kind"] == "evaluation"}
    saved = [path for path in folder.saved() if int(path.name) in evaluated and int(path.name) > first]
    if len(saved) < 2:
        return {}
    corpus = replace(run.corpus, test=run.corpus.validation)
    if not corpus.test.texts:
        raise UserError("a checkpoint is chosen on validation text, of which there is none; give the data some")
    blocks = run.recipe.filled["evaluate"]["metrics"]
    made: list[Metric] = [make("metric", block, run.shared | corpus_objects(corpus)) for block in blocks]
    names = {name for pair in AXES for name in pair}
    deciding = [metric for metric in made if names & metric.better().keys()]
    found: dict[Path, Points] = {}
    for path in saved:
        checkpoint.restore_player(run.generator, "generator", path)
        swept = sweep(run.generator, corpus, deciding, settings.temperatures, settings.samples, seed, run.decoding)
        found[path] = swept["points"]
    quality, diversity = axes([{0: points} for points in found.values()])
    scores = leads(list(found.values()), quality, diversity)
    best = max(range(len(saved)), key=lambda place: (scores[place], place))
    checkpoint.restore_player(run.generator, "generator", saved[best])
    model.save(run, folder.model)
    return {
        "global_round": int(saved[best].name),
        "of": [int(path.name) for path in saved],
        "quality": quality,
        "diversity": diversity,
        "scores": scores,
    }


def leads(candidates: Sequence[Points], quality: str, diversity: str) -> list[float]:
    """For each, how much better it is than the others at equal diversity, on average; 0 where it cannot be said."""
    curves = [frontier_of(points, quality, diversity) for points in candidates]
    found = []
    for place, one in enumerate(curves):
        others = [other for at, other in enumerate(curves) if at != place]
        gaps = [gap(one, other) if one and other else None for other in others]
        found.append(statistics.fmean(each.mean if each else 0.0 for each in gaps) if gaps else 0.0)
    return found

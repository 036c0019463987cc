"""Selects the checkpoint that represents a run in the comparison: the best one on validation text.

Test text has no influence on the selection.
"""

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


def select_checkpoint(run: Run, folder: RunDir, first: int, settings: Settings, seed: int) -> Mapping[str, Any]:
    """Loads the best checkpoint's generator into the run and saves it as the run's model.

    Candidates are the checkpoints of all evaluations after round `first`. Each is measured at all temperatures on
    validation text instead of test text. The best one leads the others most in quality at equal diversity, on average;
    among equal candidates, the last one is selected.

    Args:
        run: the trained run; its generator is changed in place.
        folder: the run's folder.
        first: number of rounds up to the start; later checkpoints are candidates.
        settings: temperatures and number of samples of each measurement.
        seed: seed of the samples.

    Returns:
        {"global_round", "of", "quality", "diversity", "scores"}: the selected round, the rounds of all candidates, the
        axes, and the mean lead of each candidate. Empty if there are fewer than two candidates.

    Raises:
        UserError: if there is no validation text.
    """
    evaluated = {entry["global_round"] for entry in folder.entries() if entry["kind"] == "evaluation"}
    saved = [path for path in folder.saved() if int(path.name) in evaluated and int(path.name) > first]
    if len(saved) < 2:
        return {}
    corpus = replace(run.corpus, test=run.corpus.validation)
    if not corpus.test.texts:
        raise UserError(
            "--select-checkpoint: the data has no validation text; expected a validation split; "
            "give the data one, or leave out --select-checkpoint"
        )
    blocks = run.recipe.filled["evaluate"]["metrics"]
    metrics: list[Metric] = [make("metric", block, run.shared | corpus_objects(corpus)) for block in blocks]
    axis_names = {name for pair in AXES for name in pair}
    axis_metrics = [metric for metric in metrics if axis_names & metric.better().keys()]
    points: dict[Path, Points] = {}
    for path in saved:
        checkpoint.restore_player(run.generator, "generator", path)
        measured = sweep(
            run.generator, corpus, axis_metrics, settings.temperatures, settings.samples, seed, run.decoding
        )
        points[path] = measured["points"]
    quality, diversity = axes([{0: each} for each in points.values()])
    scores = mean_leads(list(points.values()), quality, diversity)
    best = max(range(len(saved)), key=lambda index: (scores[index], index))
    checkpoint.restore_player(run.generator, "generator", saved[best])
    model.save(run, folder.model)
    return {
        "global_round": int(saved[best].name),
        "of": [int(path.name) for path in saved],
        "quality": quality,
        "diversity": diversity,
        "scores": scores,
    }


def mean_leads(candidates: Sequence[Points], quality: str, diversity: str) -> list[float]:
    """Computes how far each candidate leads the others in quality at equal diversity, on average.

    Args:
        candidates: for each candidate, its measurements at all temperatures.
        quality: quality axis.
        diversity: diversity axis.

    Returns:
        One lead per candidate. A pair in which neither is ahead, since one is better but less diverse, counts as 0.
    """
    curves = [frontier_of(points, quality, diversity) for points in candidates]
    leads = []
    for index, curve in enumerate(curves):
        others = [other for position, other in enumerate(curves) if position != index]
        gaps = [gap(curve, other) if curve and other else None for other in others]
        leads.append(statistics.fmean(each.mean if each else 0.0 for each in gaps) if gaps else 0.0)
    return leads

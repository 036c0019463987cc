"""A small SeqGAN run, and the files that equal runs have in common."""

from __future__ import annotations

from pathlib import Path

from textgan import recipe

SMALL = (
    "device=cpu", "data.sentences=300", "data.validation=30", "data.test=30", "evaluate.samples=30", "batch_size=16",
    "generator.embed_dim=8", "generator.hidden_dim=8", "discriminator.filters=4", "estimator.rollouts=2",
    "phases.pretrain-g.rounds=6", "phases.pretrain-g.evaluate=3", "phases.pretrain-d.rounds=2",
    "phases.adversarial.rounds=4", "phases.adversarial.evaluate=2", "log.every=1", "checkpoint.minutes=0",
    "phases.pretrain-d.turns.discriminator.pool=48", "phases.adversarial.turns.discriminator.pool=96",
    "phases.adversarial.turns.generator.batch_size=24",
)  # fmt: skip
PRETRAINING = ("phases.pretrain-d=null", "phases.adversarial=null", "controls=null")
"""Leaves likelihood training alone: 6 rounds."""

PHASE_ENDS = ("000006", "000008", "000012")
"""The checkpoints that end phases; which others remain depends on the clock."""
RESULTS = ("metrics.jsonl", "summary.json", "model/generator.safetensors")


def small(*settings: str) -> recipe.Recipe:
    """Returns the recipe of a run of 12 rounds, with two controls."""
    return recipe.load("seqgan", [*SMALL, *settings])


def result_files(folder: Path) -> dict[str, bytes]:
    """Reads a run's results, controls included: metrics, table, model, samples, weights at the ends of phases."""
    paths = [path for name in RESULTS for path in folder.rglob(name)]
    paths += [*folder.rglob("samples/*.txt")]
    paths += [path for path in folder.rglob("weights.safetensors") if path.parent.name in PHASE_ENDS]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}

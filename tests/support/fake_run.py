"""Plays the events of a run to a reporter without training, for tests of the display."""

from __future__ import annotations

import re
from types import SimpleNamespace

import torch

from textgan.cli.display.run_state import RunState
from textgan.runs.evaluator import Measured
from textgan.runs.run_dir import RunDir
from textgan.training.loop import Phase, Progress, RoundResult

HOSTILE = [
    "\x1b[31mred\x1b[0m \x1b]0;title\x07",
    "[bold]loud[/bold] [/]",
    "\u202egnp.exe",
    "two\nlines\tand a tab",
    ":smile:",
]
"""Samples that would control a terminal, or be read as markup."""
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]")
"""Control characters other than a newline."""
PHASES = [Phase("pretrain-g", 300, []), Phase("pretrain-d", 20, []), Phase("adversarial", 40, [])]
BETTER = {"nll_test": "lower", "bleu2": "higher", "bleu3": "higher"}
VALUES = {"nll_test": 2.5, "bleu2": 0.61, "bleu3": 0.3, "entropy": 1.0}
LATER = {"nll_test": 2.6, "bleu2": 0.65, "bleu3": 0.3, "entropy": 0.9}


def fake_run(name: str = "seqgan", controls: tuple[str, ...] = ("constant-reward",)) -> SimpleNamespace:
    """Returns what reporters read of a run."""
    sizes = {"train": 10_000, "validation": 1_000, "test": 2_000}
    corpus = SimpleNamespace(
        **{split: SimpleNamespace(batch=range(size)) for split, size in sizes.items()},
        vocab=SimpleNamespace(size=431),
        max_len=16,
        notes={"empty lines left out": 3, "\x1b[31mred": 1, "nothing": 0},
    )
    filled = {"log": {"samples": 8}, "controls": dict.fromkeys(controls)}
    return SimpleNamespace(
        recipe=SimpleNamespace(name=name, filled=filled),
        device=torch.device("cpu"),
        corpus=corpus,
        phases=PHASES,
        metrics=[SimpleNamespace(better=lambda: BETTER)],
    )


def round_result(phase: int, done: int) -> RoundResult:
    """Returns the result of a round of a phase, the last one if `done` is the number of its rounds."""
    return RoundResult(Progress(phase, done, done), PHASES, {})


def play(reporter: RunState, folder: RunDir, texts: list[str]) -> None:
    """Plays a run to round 7 of its adversarial phase, with two evaluations."""
    reporter.on_run_start(fake_run(), folder, Progress())  # type: ignore[arg-type]
    reporter.on_round_end(round_result(0, 300))
    reporter.on_log(round_result(0, 300), {"nll_train": 1.234})
    reporter.on_evaluation("pretrain-g", Progress(0, 300, 300), Measured(VALUES, texts))
    reporter.on_checkpoint(folder.checkpoints / "000300")
    reporter.on_round_end(round_result(1, 20))
    reporter.on_checkpoint(folder.checkpoints / "000320")
    reporter.on_round_end(round_result(2, 7))
    reporter.on_log(round_result(2, 7), {"d_loss": 0.61, "reward_mean": 0.4})
    later = [f"{text} later" for text in texts]
    reporter.on_evaluation("adversarial", Progress(2, 7, 327), Measured(LATER, later))

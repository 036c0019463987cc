"""The script that plots runs with published curves reads both correctly."""

from __future__ import annotations

import json
import runpy
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

SCRIPT = runpy.run_path(str(Path(__file__).parents[2] / "docs/methods/curves.py"))


def run(folder: Path, entries: Sequence[Mapping[str, object]]) -> Path:
    folder.mkdir()
    (folder / "recipe.yaml").write_text("{}\n", encoding="utf-8")
    (folder / "metrics.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in entries), encoding="utf-8")
    return folder


def evaluation(phase: str, number: int, value: float) -> Mapping[str, object]:
    return {"phase": phase, "round": number, "kind": "evaluation", "nll_oracle": value}


def test_published_curves_are_complete() -> None:
    """The authors logged every fifth round: SeqGAN 31 times, each RankGAN run 40 times."""
    (seqgan,) = SCRIPT["published"]("SeqGAN").values()
    assert [number for number, _ in seqgan] == list(range(1, 152, 5))
    assert (seqgan[0][1], seqgan[5][1], seqgan[-1][1]) == (9.085, 8.939, 8.683)
    rankgan = list(SCRIPT["published"]("RankGAN").values())
    assert [len(curve) for curve in rankgan] == [40, 40, 40]
    assert [curve[-1][1] for curve in rankgan] == [7.891, 8.312, 8.272]
    with pytest.raises(ValueError, match="has no LeakGAN; it has RankGAN, SeqGAN"):
        SCRIPT["published"]("LeakGAN")


def test_a_curve_starts_at_the_end_of_likelihood_training(tmp_path: Path) -> None:
    likelihood = [evaluation("pretrain-g", 780, 9.5), evaluation("pretrain-g", 1560, 9.1)]
    statistics = {"phase": "adversarial", "round": 5, "kind": "train", "d_loss": 0.5}
    folder = run(tmp_path / "run", [*likelihood, statistics, evaluation("adversarial", 5, 9.0)])
    assert SCRIPT["curve"](folder) == [(0, 9.1), (5, 9.0)]


def test_every_given_run_is_plotted(tmp_path: Path) -> None:
    runs = [
        run(tmp_path / name, [evaluation("adversarial", 5, 9.0), evaluation("adversarial", 10, 8.9)]) for name in "ab"
    ]
    target = tmp_path / "curves.svg"
    SCRIPT["main"]("RankGAN", str(target), f"two seeds={runs[0]},{runs[1]}", f"one={runs[0]}")
    plot = target.read_text(encoding="utf-8")
    for label in ("RankGAN, published", "two seeds", "one", "round of the adversarial phase"):
        assert label in plot

"""Draws what runs on the released oracle reached, round by round, beside what was published.

    python docs/methods/curves.py SeqGAN curves.svg "full schedule=runs/full" "short=runs/short-0,runs/short-1"

Each further word is a label and the folders of its runs, one a seed; a run's controls are folders, too. One line a run,
in the label's colour.

published.csv holds the curves that authors logged, as far as they logged them: SeqGAN's at
https://github.com/LantaoYu/SeqGAN (save/experiment-log.txt), RankGAN's three at
https://github.com/cookielee77/RankGan-NIPS2017 (log/). They evaluate behind the generator's step of a round and before
the discriminator's, which changes nothing: it is the generator that is evaluated.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from textgan.runs.run_dir import RunDir

Curve: TypeAlias = Sequence[tuple[int, float]]
"""Rounds of the adversarial phase, and nll_oracle behind them."""

PUBLISHED = Path(__file__).with_name("published.csv")


def published(method: str) -> Mapping[str, Curve]:
    """The logs of a method's authors, by file. ValueError for one that has none."""
    found: dict[str, list[tuple[int, float]]] = {}
    with PUBLISHED.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        if row["method"] == method:
            found.setdefault(row["log"], []).append((int(row["round"]), float(row["nll_oracle"])))
    if not found:
        raise ValueError(f"{PUBLISHED.name} has no {method}; it has {', '.join(sorted({r['method'] for r in rows}))}")
    return found


def curve(folder: Path) -> Curve:
    """A run's adversarial phase, behind the evaluation that ended its likelihood training, as round 0."""
    entries = [entry for entry in RunDir.open(folder).entries() if entry["kind"] == "evaluation"]
    before = [(0, entry["nll_oracle"]) for entry in entries if entry["phase"] == "pretrain-g"]
    return before[-1:] + [(entry["round"], entry["nll_oracle"]) for entry in entries if entry["phase"] == "adversarial"]


def draw(method: str, target: Path, groups: Mapping[str, Sequence[Curve]]) -> None:
    """Writes the picture in the format of the file's suffix."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context({"svg.hashsalt": "textgan", "svg.fonttype": "none"}):
        figure = Figure(figsize=(7.2, 4.2), layout="constrained")
        panel = figure.subplots()
        for number, points in enumerate(published(method).values()):
            label = f"{method}, published" if number == 0 else None
            panel.plot(*zip(*points, strict=True), color="0.55", linewidth=1.2, label=label)
        for index, (name, curves) in enumerate(groups.items()):
            for number, points in enumerate(curves):
                style = {"color": f"C{index}", "marker": ".", "linewidth": 1.4}
                panel.plot(*zip(*points, strict=True), **style, label=name if number == 0 else None)
        panel.set(xlabel="round of the adversarial phase", ylabel="nll_oracle, nats per token; lower is better")
        panel.spines[["top", "right"]].set_visible(False)
        panel.legend(frameon=False, fontsize="small")
        figure.savefig(target, metadata={"Date": None} if target.suffix == ".svg" else None)


def main(method: str, target: str, *given: str) -> None:
    named = dict(word.partition("=")[::2] for word in given)
    groups = {name: [curve(Path(folder)) for folder in folders.split(",")] for name, folders in named.items()}
    draw(method, Path(target), groups)


if __name__ == "__main__":
    main(*sys.argv[1:])

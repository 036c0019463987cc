"""Plots the laboratory's results: variance against cost for all estimators, and a curve over each swept option."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textgan.core.errors import UserError
from textgan.testing.lab.survey import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FORMATS = ("svg", "png", "pdf")
FLOOR = 1e-6
"""A squared bias below this is drawn at this value, since sampling noise can make its estimate negative."""


def draw(rows: Sequence[Row], swept: Sequence[Row], path: Path) -> None:
    """Draws a plot.

    Args:
        rows: results of `survey`, one panel per problem.
        swept: results of `sweep`, one panel per estimator and option.
        path: the file; its suffix is the format.

    Raises:
        UserError: for another suffix than .svg, .png or .pdf.
    """
    if path.suffix.lstrip(".") not in FORMATS:
        raise UserError(f"{path}: unknown format; expected {', '.join(FORMATS)}; give the file one of these suffixes")
    import matplotlib as mpl
    from matplotlib.figure import Figure

    curves = list(dict.fromkeys((row.name, next(iter(row.options))) for row in swept if row.measured))
    problems = list(dict.fromkeys(row.measured.problem for row in rows if row.measured))
    panels = len(problems) + len(curves)
    with mpl.rc_context({"svg.hashsalt": "textgan", "svg.fonttype": "none"}):
        columns = min(3, max(1, panels))
        lines = -(-panels // columns)
        figure = Figure(figsize=(4.6 * columns, 3.8 * lines), layout="constrained")
        axes = list(figure.subplots(lines, columns, squeeze=False).flat)
        for problem, panel in zip(problems, axes, strict=False):
            _against_cost(panel, [row for row in rows if row.measured and row.measured.problem == problem], problem)
        for (name, option), panel in zip(curves, axes[len(problems) :], strict=False):
            curve = [row for row in swept if row.measured and row.name == name and option in row.options]
            _over_option(panel, curve, name, option)
        for panel in axes[panels:]:
            panel.set_axis_off()
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def _against_cost(panel: Axes, rows: Sequence[Row], title: str) -> None:
    """Draws a point for each estimator, with its bias beside it if it is biased."""
    for row in rows:
        assert row.measured is not None
        found = row.measured
        panel.plot(found.tokens, found.variance, "x" if found.biased else "o", color="C3" if row.failed else "C0")
        bias = f", bias² {max(found.bias2, 0):.2g}" if found.biased else ""
        panel.annotate(row.name + bias, (found.tokens, found.variance), xytext=(5, 3), textcoords="offset points")
    panel.set(xlabel="tokens read per sequence", ylabel="variance / |g|²", title=title, xscale="log", yscale="log")
    panel.margins(x=0.4, y=0.3)


def _over_option(panel: Axes, rows: Sequence[Row], name: str, option: str) -> None:
    """Draws variance and squared bias over the values of an option."""
    values: list[Any] = [row.options[option] for row in rows]
    found = [row.measured for row in rows if row.measured is not None]
    panel.plot(values, [m.variance for m in found], "o-", label="variance of one sequence / |g|²")
    panel.plot(values, [max(m.bias2, FLOOR) for m in found], "s--", label="bias² / |g|²")
    panel.set(xlabel=option, title=f"{name}: {found[0].problem}", yscale="log")
    panel.legend(fontsize="small")

"""Prints the result of a finished run on stdout."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from textgan.cli.display.output import result_console, write_json
from textgan.cli.display.table import control_sentence, metric_table, signature_lines
from textgan.core.escape import visible
from textgan.recipe import load as load_recipe
from textgan.runs.builder import common_phases
from textgan.runs.run_dir import RunDir

if TYPE_CHECKING:
    from pathlib import Path

    from textgan.recipe import Recipe
    from textgan.runs.reporter import Result

SHOWN = 6
"""Number of samples that are printed."""


def report(result: Result, as_json: bool, plugins: Sequence[Path] = ()) -> None:
    """Prints the metrics, the controls, samples and the next command; or, as JSON, metrics and samples.

    Args:
        plugins: files of `--plugin`, which the next command needs as well.
    """
    samples = last_samples(RunDir(result.folder))
    if as_json:
        write_json(
            {
                "folder": str(result.folder),
                "columns": result.columns,
                "better": dict(result.better),
                "signatures": list(result.signatures),
                "samples": list(samples),
            }
        )
        return
    recipe = load_recipe(result.folder / "recipe.yaml")
    console = result_console()
    if result.columns:
        console.print(metric_table(result.columns, result.better))
        console.print()
    for line in signature_lines(result.signatures):
        console.print(line)
    controls = {name: changes for name, changes in recipe.filled["controls"].items() if name in result.columns}
    if controls:
        console.print(Text(visible(control_sentence(controls, start_phases(recipe, list(controls))))))
    if samples:
        console.print("\nsamples of the final model", style="bold")
        for text in samples[:SHOWN]:
            console.print(Text(f"  {visible(text)}", overflow="ellipsis", no_wrap=True))
    arguments = [str(result.folder), *(part for file in plugins for part in ("--plugin", str(file)))]
    console.print(Text(f"\n{visible(str(result.folder))}", style="bold", overflow="fold"))
    console.print(
        Text(f"next: textgan sample {visible(shlex.join(arguments))} -n 20 --temperature 0.8", overflow="fold"),
        soft_wrap=True,
    )


def last_samples(folder: RunDir) -> Sequence[str]:
    """Returns the samples of the latest evaluation. Control characters were escaped when the file was written."""
    files: list[Path] = sorted((folder.path / "samples").glob("*.txt"))
    return files[-1].read_text(encoding="utf-8").splitlines() if files else []


def start_phases(recipe: Recipe, controls: Sequence[str]) -> Mapping[str, str | None]:
    """Returns, for each control, the phase from whose last checkpoint it starts, or None."""
    names = list(recipe.filled["phases"])
    shared = {name: common_phases(recipe, recipe.control(name)) for name in controls}
    return {name: names[count - 1] if count else None for name, count in shared.items()}

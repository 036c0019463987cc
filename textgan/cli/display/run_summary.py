"""What stands on stdout when a run has ended."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from textgan.runs.builder import common_phases
from textgan.cli.display.output import result_console, write_json
from textgan.cli.display.table import control_sentence, metric_table, signature_lines
from textgan.runs.run_dir import RunDir
from textgan.recipe import load as load_recipe
from textgan.core.escape import visible

if TYPE_CHECKING:
    from pathlib import Path

    from textgan.recipe import Recipe
    from textgan.runs.reporter import Result

SHOWN = 6


def report(result: Result, as_json: bool, plugins: Sequence[Path] = ()) -> None:
    """The table, the controls, samples and what to do next; or all of it as JSON."""
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
        console.print(Text(visible(control_sentence(controls, beginnings(recipe, list(controls))))))
    if samples:
        console.print("\nsamples of the final model", style="bold")
        for text in samples[:SHOWN]:
            console.print(Text(f"  {visible(text)}", overflow="ellipsis", no_wrap=True))
    words = [str(result.folder), *(word for file in plugins for word in ("--plugin", str(file)))]
    quoted = shlex.join(words)
    console.print(Text(f"\n{visible(str(result.folder))}", style="bold", overflow="fold"))
    console.print(
        Text(f"next: textgan sample {visible(quoted)} -n 20 --temperature 0.8", overflow="fold"),
        soft_wrap=True,
    )


def last_samples(folder: RunDir) -> Sequence[str]:
    """The sentences of the latest evaluation; they were made safe to show when they were written."""
    files: list[Path] = sorted((folder.path / "samples").glob("*.txt"))
    return files[-1].read_text(encoding="utf-8").splitlines() if files else []


def beginnings(recipe: Recipe, controls: Sequence[str]) -> Mapping[str, str | None]:
    """Control -> the phase at whose end it set out, or None."""
    names = list(recipe.filled["phases"])
    alike = {name: common_phases(recipe, recipe.control(name)) for name in controls}
    return {name: names[count - 1] if count else None for name, count in alike.items()}

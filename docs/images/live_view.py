"""Draws the live view of a real run, in the middle of its adversarial phase, as an SVG picture.

python docs/images/live_view.py docs/images/live-view.svg
"""

from __future__ import annotations

import contextlib
import io
import re
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from rich.console import CONSOLE_SVG_FORMAT, Console

from textgan import recipe
from textgan.cli.display.live_view import LiveView
from textgan.runs import runner
from textgan.training.loop import RoundResult

ROUND = 75
SVG_FORMAT = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
"""rich's format without the web fonts: the picture loads nothing."""


class Captured(Exception):
    """The picture has been taken."""


class Picture(LiveView):
    """A live view that is drawn once and then ends the run."""

    def __init__(self, target: Path) -> None:
        super().__init__(Console(record=True, force_terminal=True, width=112, height=38, file=io.StringIO()))
        self.target = target

    def on_log(self, result: RoundResult, values: Mapping[str, float]) -> None:
        super().on_log(result, values)
        self.render()  # the speed needs an earlier look at the clock
        if result.phase.name == "adversarial" and result.progress.round >= ROUND:
            self.console.print(self.render())
            self.console.save_svg(str(self.target), title="textgan run seqgan", code_format=SVG_FORMAT)
            raise Captured


def main(target: Path) -> None:
    checked = recipe.load("seqgan", ["log.every=5"])
    picture = Picture(target.resolve())
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder), contextlib.suppress(Captured):
        runner.start(checked, Path("runs/seqgan"), picture)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

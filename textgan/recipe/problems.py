"""What is wrong with a recipe, all of it at once, each with its location."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from textgan.core.errors import UserError

Path = tuple[str | int, ...]
"""Where a value stands: ("optimizers", "generator", "lr")."""


class Location(NamedTuple):
    """A line of a file, or the command line (line 0)."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"line {self.line}" if self.line else "command line"


Locations = Mapping[Path, Location]


@dataclass(frozen=True)
class Problem:
    """One thing to mend."""

    path: Path
    text: str
    location: Location | None = None


def dotted(path: Path) -> str:
    """("phases", "adversarial", "turns", 1) -> "phases.adversarial.turns.1", as overrides are written."""
    return ".".join(map(str, path))


class RecipeError(UserError):
    """Everything that is wrong with one recipe.

    Args:
        recipe: its file, as the user named it.
        problems: in the order in which they were found; shown by file and line.
    """

    def __init__(self, recipe: str, problems: Sequence[Problem]) -> None:
        self.recipe = recipe
        self.problems = sorted(problems, key=lambda p: p.location or Location("", 1 << 30))
        super().__init__(str(self))

    def __str__(self) -> str:
        count = len(self.problems)
        wide = max(len(dotted(p.path)) for p in self.problems)
        lines = [f"{self.recipe}: {count} problem{'s' * (count > 1)}"]
        for problem in self.problems:
            where = str(problem.location or "")
            if problem.location and problem.location.line and problem.location.file != self.recipe:
                where += f" of {_short(problem.location.file)}"
            lines.append(f"  {where:<12} {dotted(problem.path):<{min(wide, 40)}}  {problem.text}".rstrip())
        return "\n".join(lines)


def _short(file: str) -> str:
    """The end of a long path, which says enough."""
    return "/".join(file.rsplit("/", 2)[-2:])


def nearest(path: Path, locations: Locations) -> Location | None:
    """The location of a path, or of the nearest thing around it that has one."""
    for end in range(len(path), -1, -1):
        if path[:end] in locations:
            return locations[path[:end]]
    return None

"""Problems of a recipe with their locations, and the error that lists all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from textgan.core.errors import UserError

Path = tuple[str | int, ...]
"""The keys that lead to a value, such as ("optimizers", "generator", "lr")."""


class Location(NamedTuple):
    """A line of a file; line 0 is the command line."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"line {self.line}" if self.line else "command line"


Locations = Mapping[Path, Location]


@dataclass(frozen=True)
class Problem:
    """A problem of a recipe.

    Args:
        path: the keys of the value that it is about.
        text: what is wrong, what was expected and how to fix it, in a sentence.
        location: where the value was written; None if it is not known.
    """

    path: Path
    text: str
    location: Location | None = None


def article(noun: str) -> str:
    """Returns a noun with "a" or "an"."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def dotted(path: Path) -> str:
    """Joins a path as in overrides: ("phases", "train", "rounds") -> "phases.train.rounds"."""
    return ".".join(map(str, path))


class RecipeError(UserError):
    """Lists all problems of a recipe.

    Args:
        recipe: its file, as the user named it.
        problems: the problems in any order; they are shown by file and line.
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
            lines.append(f"  {where:<12} {dotted(problem.path):<{min(wide, 48)}}  {problem.text}".rstrip())
        return "\n".join(lines)


def _short(file: str) -> str:
    """Returns the last two parts of a path."""
    return "/".join(file.rsplit("/", 2)[-2:])


def nearest(path: Path, locations: Locations) -> Location | None:
    """Returns the location of a path, or of the innermost value around it that has one; None if there is none."""
    for end in range(len(path), -1, -1):
        if path[:end] in locations:
            return locations[path[:end]]
    return None

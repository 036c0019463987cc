"""Checks that the components of a recipe fit together, and searches for fixes that work."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import Self

from textgan.core import registry
from textgan.recipe import schema
from textgan.recipe.compatibility import Incompatibility, fitting, repairs
from textgan.recipe.components import Tree
from textgan.recipe.merge import merge
from textgan.recipe.phases import PhaseChecker
from textgan.recipe.problems import Locations, Path, Problem, article, dotted

MOST_FIXES = 6
"""Fixes that a message names."""


class ConsistencyChecker(PhaseChecker):
    """Reports each cause of a problem once. Fixes are tried on the whole recipe before they are suggested.

    Args:
        locations: where each value was written.
        advise: whether to search for fixes.
        outer: for a control, the checker of the recipe that it belongs to: what that reports is not repeated.
        control: the name of the control.
    """

    def __init__(
        self, locations: Locations, advise: bool = True, outer: ConsistencyChecker | None = None, control: str = ""
    ) -> None:
        super().__init__(locations)
        self.advise, self.outer, self.control = advise, outer, control
        self.incompatible: list[Incompatibility] = []
        """What does not fit together, before any of it is reported."""

    @abstractmethod
    def recipe(self, tree: Tree) -> Tree:
        """Checks a whole recipe."""

    def report_absent(self, tree: Tree) -> None:
        """Reports blocks that the recipe lacks: once, with everything that needs them and two ways out.

        Several blocks that the same components need are one problem.
        """
        absent = {kind: users for kind, users in self.absent.items() if not (self.outer and kind in self.outer.absent)}
        if "discriminator" in absent and "reward" in absent:
            absent["discriminator"] |= {("reward",): ""}  # the default reward, which comes with the discriminator
            del absent["reward"]
        groups: dict[tuple[Path, ...], list[str]] = {}
        for kind, users in absent.items():
            groups.setdefault(tuple(users), []).append(kind)
        known = {problem.text for problem in self.problems}
        for paths, kinds in groups.items():
            names = list(dict.fromkeys(f'"{name}"' for name in absent[kinds[0]].values() if name))
            need = f"{_listed(names)} {'need' if names[1:] else 'needs'} {_listed(map(article, kinds))}"
            additions = _listed(self._additions(tree, kinds, known))
            removals = ", ".join(dict.fromkeys(map(_removal, paths)))
            self.add_problem(
                (kinds[0],) if (kinds[0],) in self.locations else paths[0],
                f"{need}, which this recipe does not have; add {additions}, or set {removals}{self._way_out()}",
            )

    def _additions(self, tree: Tree, kinds: list[str], known: set[str]) -> list[str]:
        """Returns blocks to add, each with the components that fit, and the blocks that these need in turn."""
        names = {kind: fitting(self.specs, kind, kinds) for kind in kinds}
        further: list[str] = []
        if self.advise and len(kinds) == 1:
            (kind,) = kinds
            trials = {name: self._trial({**tree, kind: name}) for name in names[kind]}
            further = [other for other in next(iter(trials.values())).absent if other not in self.absent]
            names |= {other: fitting(self.specs, other, (*kinds, *further)) for other in further}
            working = [name for name, trial in trials.items() if not _new_problems(trial, known)]
            names[kind] = working or names[kind]
        return [
            f"{kind}={names[kind][0]}" if len(names[kind]) == 1 else f"{kind}=NAME (one of {', '.join(names[kind])})"
            for kind in (*kinds, *further)
        ]

    def report_unsupported(self, tree: Tree) -> None:
        """Reports objectives that the generator does not support, each once, however many turns use it."""
        for text, paths in self.unsupported.items():
            if self.outer and text in self.outer.unsupported:
                continue
            known = {problem.text for problem in self.problems}
            fixes = []
            if self.advise and not self.control:
                for component in registry.components("objective"):
                    trial = self._trial(_with_turns(tree, paths, component.name))
                    if text not in trial.unsupported and not _new_problems(trial, known):
                        fixes.append(" ".join(f"{dotted(path)}={component.name}" for path in paths))
            self.add_problem(paths[0], text + (_advice(fixes) if fixes else self._way_out()))

    def report_incompatible(self, tree: Tree) -> None:
        """Reports each cause once: what the suggested fixes of an earlier problem also solve is left out."""
        if self.outer and self.outer.incompatible:
            return  # the recipe has to fit before its controls can
        unsolved = {found.block: found.text for found in self.incompatible}
        known = {problem.text for problem in self.problems} | self.unsupported.keys() | set(unsolved.values())
        while unsolved:
            block, text = next(iter(unsolved.items()))
            fixes = self._fixes(tree, block, known - {text})
            remaining = set().union(*fixes.values()) if fixes else unsolved.keys() - {block}
            unsolved = {other: reason for other, reason in unsolved.items() if other in remaining}
            self.add_problem((block,), text + (_advice(list(fixes)) if fixes else self._way_out()))

    def _fixes(self, tree: Tree, block: str, known: set[str]) -> dict[str, set[str]]:
        """Returns settings that make a block fit, and the blocks that are still incompatible after each.

        The recipe must have no problem after a change but those that are known. Where controls then have problems,
        leaving them out is a part of the fix. Fixes that solve everything are preferred.
        """
        found: dict[str, set[str]] = {}
        if not self.advise or self.control:
            return found
        for changes in repairs(self.specs, block):
            setting = " ".join(f"{kind}={'null' if name is None else name}" for kind, name in changes.items())
            trial = self._trial({**tree, **changes})
            if not _new_problems(trial, known):
                broken = dict.fromkeys(p.path[1] for p in trial.problems if _in_control(p) and p.text not in known)
                setting = " ".join((setting, *(f"controls.{name}=null" for name in broken)))
                found[setting] = {each.block for each in trial.incompatible}
        for wanted in (
            {s: rest for s, rest in found.items() if not rest and "controls." not in s},
            {s: rest for s, rest in found.items() if "controls." not in s},
            {s: rest for s, rest in found.items() if not rest},
        ):
            if wanted:
                return wanted
        return found

    def _trial(self, tree: Tree) -> Self:
        """Checks a changed recipe without searching for fixes."""
        trial = type(self)(self.locations, advise=False)
        trial.recipe(tree)
        return trial

    def _way_out(self) -> str:
        return f"; controls.{self.control}=null leaves this control out" if self.control else ""


def _new_problems(trial: ConsistencyChecker, known: set[str]) -> bool:
    """Whether a changed recipe has problems that are not known, other than in its controls."""
    return any(problem.text not in known and not _in_control(problem) for problem in trial.problems)


def _in_control(problem: Problem) -> bool:
    return problem.path[:1] == ("controls",)


def _listed(items: Iterable[str]) -> str:
    """Joins as in "a, b and c"."""
    *first, last = items
    return f"{', '.join(first)} and {last}" if first else last


def _advice(settings: list[str]) -> str:
    """Returns '; use a=b or c=d', naming the first few settings."""
    shown = settings[:MOST_FIXES]
    return f"; use {', '.join(shown[:-1])} or {shown[-1]}" if shown[1:] else f"; use {shown[0]}"


def _removal(path: Path) -> str:
    """Returns the setting that removes what a path names."""
    match path[0]:
        case "callbacks" | "trackers":
            return f"{path[0]}=[]"
        case "reward":
            return "reward=constant"
        case "decoding":
            return f"decoding={schema.DEFAULT_NAMES['decoding']}"
        case "evaluate":
            return "evaluate.metrics=null"
        case _:
            return f"{dotted(path)}=null"


def _with_turns(tree: Tree, paths: Iterable[Path], objective: str) -> Tree:
    """Returns a recipe in which the turns at some paths have another objective."""
    for path in paths:
        change: Tree = {str(path[-1]): objective}
        for key in reversed(path[:-1]):
            change = {str(key): change}
        tree = merge(tree, {}, change, {})[0]
    return tree

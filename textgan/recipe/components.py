"""Checks one block of a recipe, which names a component and gives its options, and fills in the defaults."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from textgan.core import registry, spec
from textgan.core.errors import UserError
from textgan.core.spec import MISSING, Option, Spec
from textgan.recipe import schema, values
from textgan.recipe.compatibility import missing
from textgan.recipe.problems import Locations, Path, Problem, article, nearest

Tree = dict[str, Any]
ALWAYS_THERE = frozenset({"tokenizer", "vocab", "corpus", "max_len", "texts", "parameters", "run_folder", "exported"})
"""Shared objects that every run has, whatever the recipe."""


class ComponentChecker:
    """Collects problems while it fills in defaults.

    Args:
        locations: where each value was written.
    """

    def __init__(self, locations: Locations) -> None:
        self.locations = locations
        self.problems: list[Problem] = []
        self.specs: dict[str, Spec] = {}
        """Kind -> spec of the valid blocks."""
        self.broken: set[str] = set()
        """Blocks that are present and wrong. They are reported once, and not again where another block needs them."""
        self.absent: dict[str, dict[Path, str]] = {}
        """Kind of a block that the recipe lacks -> path and name of the components that need it."""
        self.unsupported: dict[str, list[Path]] = {}
        """What an objective needs and the generator lacks, with the turns: reported once for all of them."""

    def add_problem(self, path: Path, text: str) -> None:
        """Records a problem at the line of the path, or of the nearest value around it."""
        self.problems.append(Problem(path, text, nearest(path, self.locations)))

    def component(self, kind: str, block: Any, path: Path, extra: Mapping[str, Option] | None = None) -> Any:
        """Returns a component's block filled with its defaults, or None if it is not valid.

        Args:
            kind: the kind of component.
            block: its name, or a mapping with its name and options.
            path: where the block is.
            extra: options of the block beside the component's own.
        """
        block = {"name": block} if isinstance(block, str) else block
        if not isinstance(block, dict):
            self.add_problem(path, f"expected the name of {article(kind)}, or a mapping with its name and options")
            return None
        name = block.get("name")
        if not isinstance(name, str):
            names = ", ".join(c.name for c in registry.components(kind))
            self.add_problem((*path, "name"), f"is missing; expected the name of {article(kind)}: {names}")
            return None
        try:
            known = spec.read(registry.find(kind, name))
        except UserError as error:
            self.add_problem((*path, "name") if (*path, "name") in self.locations else path, str(error))
            return None
        self._check_needs(known, kind, path)
        rest = {key: value for key, value in block.items() if key != "name"}
        for key in [key for key in rest if key in known.shared]:
            del rest[key]
            self.add_problem((*path, key), f"{name} receives its {key} from the run; leave it out")
        return {"name": name} | self.options(rest, {**known.options, **(extra or {})}, path, name)

    def options(self, given: Mapping[str, Any], table: Mapping[str, Option], path: Path, owner: str) -> Tree:
        """Returns the options of a table, each as given or by default."""
        self.check_keys(given, table, path, owner)
        filled: Tree = {}
        for name, option in table.items():
            if name in given:
                filled[name] = given[name]
                if wrong := values.problem(given[name], option.type):
                    self.add_problem((*path, name), wrong)
            elif option.default is MISSING:
                meaning = f": {option.doc}" if option.doc else ""
                self.add_problem((*path, name), f"is missing; {owner} needs it{meaning}")
            else:
                filled[name] = list(option.default) if isinstance(option.default, tuple) else option.default
        return filled

    def check_keys(self, given: Mapping[str, Any], known: Collection[str], path: Path, owner: str) -> None:
        """Reports keys that are not known, each with the nearest known one."""
        for key in given:
            if key in known:
                continue
            near = difflib.get_close_matches(str(key), list(known), 1, 0.6)
            if near:
                option = known[near[0]] if isinstance(known, Mapping) else None
                default = "" if option is None or option.default is MISSING else f" (default {option.default})"
                hint = f'; did you mean "{near[0]}"{default}?'
            else:
                hint = f"; it has: {', '.join(known)}" if known else "; it has none"
            self.add_problem((*path, key), f'{owner} has no option "{key}"{hint}')

    def mapping(self, value: Any, path: Path) -> Tree:
        """Returns a mapping, empty for null or where something else was found and reported."""
        if value is None or isinstance(value, dict):
            return value or {}
        self.add_problem(path, values.problem(value, dict) or "expected a mapping")
        return {}

    def sequence(self, value: Any, path: Path) -> list[Any]:
        """Returns a list, empty for null or where something else was found and reported."""
        if value is None or isinstance(value, list):
            return value or []
        self.add_problem(path, values.problem(value, list) or "expected a list")
        return []

    def need(self, kind: str, path: Path, name: str) -> None:
        """Records that a component needs a block; blocks that the recipe lacks are reported together at the end."""
        if kind not in self.specs and kind not in self.broken:
            self.absent.setdefault(kind, {})[path] = name

    def _check_needs(self, known: Spec, kind: str, path: Path) -> None:
        """Checks that the recipe has the players that a component uses; notes the spec of a block of the recipe."""
        blocks = list(schema.BLOCKS)
        if path == (kind,):
            self._need_shared(known, kind, blocks[: blocks.index(kind)], path)
            self.specs[kind] = known
        elif kind in ("objective", "metric", "callback"):
            self._need_shared(known, kind, blocks, path)
            if kind == "objective" and "generator" in self.specs:
                for text in missing(known, self.specs["generator"]):
                    self.unsupported.setdefault(text, []).append(path)

    def _need_shared(self, known: Spec, kind: str, available: Iterable[str], path: Path) -> None:
        name = known.component.name
        for needed in sorted(known.shared - known.optional_shared - ALWAYS_THERE):
            if needed in available:
                self.need(needed, path, name)
            else:
                self.add_problem(path, f'"{name}" has an argument {needed}, which {article(kind)} does not receive')

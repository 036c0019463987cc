"""Checks a recipe as a whole: fills in every default, and collects every problem."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from textgan.core import registry, spec
from textgan.core.errors import UserError
from textgan.recipe import schema
from textgan.recipe.compatibility import Incompatibility, incompatibilities, repairs
from textgan.recipe.components import Tree
from textgan.recipe.merge import merge
from textgan.recipe.phases import PhaseChecker
from textgan.recipe.problems import Locations, Path, Problem, dotted

MOST_REPAIRS = 6
"""Alternatives that a message names."""


class Checker(PhaseChecker):
    """Checks one recipe.

    Args:
        locations: where each value was written.
        outer: for a control, the checker of the recipe that it belongs to: what that reports is not repeated.
        advise: whether to search for fixes.
    """

    def __init__(self, locations: Locations, outer: Checker | None = None, advise: bool = True) -> None:
        super().__init__(locations)
        self.outer, self.advise = outer, advise
        self.incompatible: list[Incompatibility] = []

    def recipe(self, tree: Tree) -> Tree:
        """Checks everything. The filled recipe is complete only if there are no problems."""
        self.check_keys(tree, schema.KEYS, (), "a recipe")
        filled: Tree = self.options({k: tree[k] for k in schema.RUN if k in tree}, schema.RUN, (), "a recipe")
        filled |= self._blocks(tree)
        filled["optimizers"] = self._optimizers(tree.get("optimizers"))
        filled["phases"] = self.phases(tree.get("phases"), filled["optimizers"])
        for name, table in schema.SECTIONS.items():
            filled[name] = self.options(self.mapping(tree.get(name), (name,)), table, (name,), name)
        filled["evaluate"]["metrics"] = self._metrics(filled["evaluate"].get("metrics"))
        for name, kind in schema.LISTS.items():
            blocks = self.sequence(tree.get(name), (name,))
            filled[name] = [self.component(kind, block, (name, i)) for i, block in enumerate(blocks)]
        self.check_phase_names(filled["callbacks"], filled["phases"])
        self.check_updates(filled["phases"], filled["optimizers"])
        self._report_absent()
        filled["controls"] = {}
        self._report_incompatible(tree)
        filled["controls"] = self._controls(tree)
        return filled

    def _blocks(self, tree: Tree) -> Tree:
        filled: Tree = {}
        given = {kind: tree.get(kind) for kind in schema.BLOCKS}
        for kind in ("data", "generator"):
            if given[kind] is None:
                names = ", ".join(c.name for c in registry.components(kind))
                self.add_problem((kind,), f"is missing; a recipe needs a {kind} block (there are: {names})")
                self.broken.add(kind)
        if given["reward"] is None and given["discriminator"] is not None:
            given["reward"] = schema.DEFAULT_NAMES["reward"]
        given["decoding"] = schema.DEFAULT_NAMES["decoding"] if given["decoding"] is None else given["decoding"]
        for kind, name in schema.DEFAULT_NAMES.items():
            block = given[kind]
            if isinstance(block, dict) and "name" not in block:
                given[kind] = {"name": name, **block}
        for kind, block in given.items():
            filled[kind] = None if block is None else self.component(kind, block, (kind,))
            if block is not None and kind not in self.specs:
                self.broken.add(kind)
            if kind == "data" and given["tokenizer"] is None and self._provides_text():
                given["tokenizer"] = schema.DEFAULT_NAMES["tokenizer"]
        return filled

    def _provides_text(self) -> bool:
        return "data" in self.specs and self.specs["data"].traits.get("output_type") == "text"

    def _optimizers(self, tree: Any) -> Tree:
        filled = {}
        for name, block in self.mapping(tree, ("optimizers",)).items():
            if block is None:
                continue
            if isinstance(block, dict) and "name" not in block:
                block = {"name": schema.DEFAULT_OPTIMIZER, **block}
            filled[name] = self.component("optimizer", block, ("optimizers", name), schema.OPTIMIZER)
        return filled

    def _metrics(self, given: Any) -> list[Any]:
        """Returns the metrics of an evaluation; for null those that are computed by default and that the data allows."""
        path = ("evaluate", "metrics")
        provided = self._capabilities("data") | self._capabilities("generator")
        if given is None:
            return [self.component("metric", name, path) for name in self._default_metrics(provided)]
        filled = []
        for i, item in enumerate(given if isinstance(given, list) else []):
            block = self.component("metric", item, (*path, i))
            filled.append(block)
            if block is None or {"data", "generator"} - self.specs.keys():
                continue  # reported already
            required = spec.read(registry.find("metric", block["name"])).traits["requires"]
            for capability in sorted(required - provided)[:1]:
                data, generator = (self.specs[kind].component.name for kind in ("data", "generator"))
                self.add_problem(
                    (*path, i),
                    f'"{block["name"]}" needs {capability}, which neither data "{data}" nor generator "{generator}" '
                    "has; leave it out",
                )
        return filled

    def _default_metrics(self, provided: frozenset[str]) -> Iterator[str]:
        for component in registry.components("metric"):
            try:
                traits = spec.read(component).traits
            except UserError:
                continue  # a broken plugin's metric is reported when a recipe names it
            if traits["default"] and traits["requires"] <= provided:
                yield component.name

    def _capabilities(self, kind: str) -> frozenset[str]:
        found: frozenset[str] = self.specs[kind].traits.get("capabilities", frozenset()) if kind in self.specs else frozenset()
        return found

    def _report_absent(self) -> None:
        """Reports each block that the recipe lacks once, with everything that needs it and two ways out."""
        for kind, users in self.absent.items():
            if self.outer and kind in self.outer.absent:
                continue
            names = list(dict.fromkeys(f'"{name}"' for name in users.values()))
            subject = f"{', '.join(names[:-1])} and {names[-1]} need" if names[1:] else f"{names[0]} needs"
            choices = ", ".join(c.name for c in registry.components(kind))
            remedy = ", ".join(dict.fromkeys(_removal(path) for path in users))
            path = (kind,) if (kind,) in self.locations else next(iter(users))
            self.add_problem(
                path,
                f"{subject} a {kind}, which this recipe does not have; add {kind}=NAME (there are: {choices}), "
                f"or set {remedy}",
            )

    def _report_incompatible(self, tree: Tree) -> None:
        """Reports each cause once: what the fix of an earlier problem solves as well is left out."""
        for text, path in self.unsupported.items():
            if not (self.outer and text in self.outer.unsupported):
                self.add_problem(path, text)
        self.incompatible = list(incompatibilities(self.specs))
        if self.outer and self.outer.incompatible:
            return  # the control cannot fit before the recipe does
        others = len(self.problems)
        open_ones = {found.block: found.text for found in self.incompatible}
        while open_ones:
            block, text = next(iter(open_ones.items()))
            del open_ones[block]
            fixes = list(self._fixes(tree, block, others)) if self.advise else []
            for solved in set.intersection(*(fix[1] for fix in fixes)) if fixes else ():
                open_ones.pop(solved, None)
            self.add_problem((block,), text + self._advice([fix[0] for fix in fixes]))

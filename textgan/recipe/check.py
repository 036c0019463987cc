"""Checks a recipe as a whole: fills in every default, and collects every problem."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from textgan.core import registry, spec
from textgan.core.errors import UserError
from textgan.recipe import schema
from textgan.recipe.compatibility import incompatibilities
from textgan.recipe.components import Tree
from textgan.recipe.consistency import ConsistencyChecker
from textgan.recipe.merge import merge
from textgan.recipe.problems import Path, Problem


class Checker(ConsistencyChecker):
    """Checks one recipe: fills in every default and collects every problem."""

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
        self.incompatible = list(incompatibilities(self.specs))
        filled["controls"] = self._controls(tree)
        self.report_absent(tree)
        self.report_unsupported(tree)
        self.report_incompatible(tree)
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
            if isinstance(block, dict) and "name" not in block:
                block = {"name": schema.DEFAULT_OPTIMIZER, **block}
            filled[name] = self.component("optimizer", block, ("optimizers", name), schema.OPTIMIZER)
        return filled

    def _metrics(self, given: Any) -> list[Any]:
        """Returns the metrics of an evaluation; for null the default ones that the data and the generator allow."""
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
        found: frozenset[str] = (
            self.specs[kind].traits.get("capabilities", frozenset()) if kind in self.specs else frozenset()
        )
        return found

    def _controls(self, tree: Tree) -> Tree:
        """Checks each control, which is this recipe with changes and has to be a valid recipe itself."""
        filled = {}
        for name, changes in self.mapping(tree.get("controls"), ("controls",)).items():
            if changes is None:
                continue
            path: Path = ("controls", name)
            if not re.fullmatch(r"[A-Za-z0-9][\w-]*", str(name)):  # it becomes the name of a folder
                self.add_problem(path, "not a name for a control; expected letters, digits, dashes and underscores")
                continue
            if not isinstance(changes, dict):
                self.add_problem(path, "expected what the control changes, such as {reward: constant}")
                continue
            if absent := _phases_to_change(changes) - _names(tree.get("phases")):
                phase = min(absent)
                self.add_problem(
                    (*path, "phases", phase),
                    f'there is no phase "{phase}" to change; controls.{name}=null leaves this control out',
                )
                continue
            base = {key: value for key, value in tree.items() if key != "controls"}
            own = {p[2:]: location for p, location in self.locations.items() if p[:2] == path and len(p) > 2}
            merged, locations = merge(base, dict(self.locations), changes, own)
            inner = Checker(locations, advise=self.advise, outer=self, control=str(name))
            inner.recipe(merged)
            known = {problem.text for problem in self.problems}
            self.problems += [
                Problem((*path, *p.path), p.text, p.location) for p in inner.problems if p.text not in known
            ]
            filled[name] = changes
        return filled


def _names(phases: Any) -> set[str]:
    """Returns the names of the phases that are not null."""
    return {name for name, phase in phases.items() if phase is not None} if isinstance(phases, dict) else set()


def _phases_to_change(changes: Tree) -> set[str]:
    """Returns the phases that a control changes; one with a number of rounds may also be a new phase."""
    phases: Any = changes.get("phases")
    return {name for name in _names(phases) if isinstance(phases[name], dict) and "rounds" not in phases[name]}

"""A recipe's tree of values -> the filled tree, or every problem that it has."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from textgan.core import registry, spec
from textgan.core.errors import UserError
from textgan.core.options import PhaseName
from textgan.recipe import schema, values
from textgan.recipe.compatibility import incompatibilities, lacking
from textgan.recipe.merge import merge, named_turns
from textgan.recipe.problems import Path, Locations, Problem, nearest
from textgan.core.spec import MISSING, Option, Spec

Tree = dict[str, Any]
CORPUS = frozenset({"tokenizer", "vocab", "corpus", "max_len"})
"""Shared objects that exist as soon as there is data."""


class Checker:
    """Collects problems while it fills. One recipe, one checker."""

    def __init__(self, locations: Locations) -> None:
        self.locations = locations
        self.problems: list[Problem] = []
        self.specs: dict[str, Spec] = {}
        self.broken: set[str] = set()
        """Blocks that are there and wrong: complained of once, not again by everything that needs them."""

    def complain(self, path: Path, text: str) -> None:
        self.problems.append(Problem(path, text, nearest(path, self.locations)))

    def recipe(self, tree: Tree) -> Tree:
        """Checks everything; the filled tree is whole only if there are no problems."""
        self._unknown(tree, schema.KEYS, (), "a recipe")
        filled: Tree = self._options({k: tree[k] for k in schema.RUN if k in tree}, schema.RUN, (), "a recipe")
        filled |= self._blocks(tree)
        filled["optimizers"] = self._optimizers(tree.get("optimizers"))
        filled["phases"] = self._phases(tree.get("phases"), filled["optimizers"])
        for name, table in schema.SECTIONS.items():
            section = self._mapping(tree.get(name), (name,))
            filled[name] = self._options(section, table, (name,), name)
        filled["evaluate"]["metrics"] = self._metrics(filled["evaluate"].get("metrics"))
        for name, kind in schema.LISTS.items():
            filled[name] = [
                self._component(kind, item, (name, i)) for i, item in enumerate(self._list(tree.get(name), (name,)))
            ]
        self._check_phase_names(filled["callbacks"], filled["phases"])
        self._check_updates(filled["phases"])
        for block, text in incompatibilities(self.specs):
            self.complain((block,), text)
        filled["controls"] = self._controls(tree)
        return filled

    def _blocks(self, tree: Tree) -> Tree:
        filled: Tree = {}
        given = {kind: tree.get(kind) for kind in schema.BLOCKS}
        for kind in ("data", "generator"):
            if given[kind] is None:
                names = ", ".join(c.name for c in registry.components(kind))
                self.complain((kind,), f"is missing; a recipe needs a {kind} block (there are: {names})")
        if given["reward"] is None and given["discriminator"] is not None:
            given["reward"] = schema.DEFAULT_NAMES["reward"]
        given["decoding"] = schema.DEFAULT_NAMES["decoding"] if given["decoding"] is None else given["decoding"]
        for kind, usual in schema.DEFAULT_NAMES.items():
            block = given[kind]
            if isinstance(block, dict) and "name" not in block:
                given[kind] = {"name": usual, **block}
        for kind, block in given.items():
            filled[kind] = None if block is None else self._component(kind, block, (kind,))
            if block is not None and kind not in self.specs:
                self.broken.add(kind)
            if kind == "data" and given["tokenizer"] is None and self._gives_text():
                given["tokenizer"] = schema.DEFAULT_NAMES["tokenizer"]
        return filled

    def _gives_text(self) -> bool:
        return "data" in self.specs and self.specs["data"].traits.get("output_type") == "text"

    def _component(self, kind: str, block: Any, path: Path, extra: Mapping[str, Option] | None = None) -> Any:
        """A block of one component, filled with its defaults."""
        block = {"name": block} if isinstance(block, str) else block
        if not isinstance(block, dict):
            self.complain(path, f"expected a {kind}'s name, or a mapping with its name and options")
            return None
        name = block.get("name")
        if not isinstance(name, str):
            names = ", ".join(c.name for c in registry.components(kind))
            self.complain((*path, "name"), f"is missing; which {kind} is it? There are: {names}")
            return None
        try:
            known = spec.read(registry.find(kind, name))
        except UserError as error:
            self.complain((*path, "name") if (*path, "name") in self.locations else path, str(error))
            return None
        if path == (kind,):
            self._shared(known, kind, list(schema.BLOCKS)[: list(schema.BLOCKS).index(kind)], path)
            self.specs[kind] = known
        elif kind in ("objective", "metric", "callback"):
            self._shared(known, kind, schema.BLOCKS, path)
            if kind == "objective" and "generator" in self.specs:
                for text in lacking(known, self.specs["generator"]):
                    self.complain(path, text)
        rest = {key: value for key, value in block.items() if key != "name"}
        for key in [key for key in rest if key in known.shared]:
            del rest[key]
            self.complain((*path, key), f"{name} receives its {key} from the run; leave it out")
        return {"name": name} | self._options(rest, {**known.options, **(extra or {})}, path, name)

    def _shared(self, known: Spec, kind: str, earlier: Iterable[str], path: Path) -> None:
        """A component asks for players that the recipe must have."""
        for need in sorted(known.shared - known.optional_shared - CORPUS - {"texts", "parameters", "run_folder", "exported"}):
            if need not in earlier:
                self.complain(path, f'"{known.component.name}" asks for the {need}, which a {kind} cannot have')
            elif need not in self.specs and need not in self.broken:
                self.complain(path, f'"{known.component.name}" needs a {need}; this recipe has no {need} block')

    def _options(self, given: Mapping[str, Any], table: Mapping[str, Option], path: Path, owner: str) -> Tree:
        self._unknown(given, table, path, owner)
        filled: Tree = {}
        for name, option in table.items():
            if name in given:
                filled[name] = given[name]
                wrong = values.problem(given[name], option.type)
                if wrong:
                    self.complain((*path, name), wrong)
            elif option.default is MISSING:
                self.complain(
                    (*path, name), f"is missing; {owner} needs it" + (f": {option.doc}" if option.doc else "")
                )
            else:
                filled[name] = list(option.default) if isinstance(option.default, tuple) else option.default
        return filled

    def _unknown(self, given: Mapping[str, Any], known: Collection[str], path: Path, owner: str) -> None:
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
            self.complain((*path, key), f'{owner} has no option "{key}"{hint}')

    def _mapping(self, value: Any, path: Path) -> Tree:
        if value is None:
            return {}
        if isinstance(value, dict):
            return value
        self.complain(path, "expected a mapping")
        return {}

    def _list(self, value: Any, path: Path) -> list[Any]:
        if value is None:
            return []
        if isinstance(value, list):
            return value
        self.complain(path, "expected a list")
        return []

    def _optimizers(self, tree: Any) -> Tree:
        filled = {}
        for name, block in self._mapping(tree, ("optimizers",)).items():
            if isinstance(block, dict) and "name" not in block:
                block = {"name": schema.DEFAULT_OPTIMIZER, **block}
            filled[name] = self._component("optimizer", block, ("optimizers", name), schema.OPTIMIZER)
        return filled

    def _phases(self, tree: Any, optimizers: Tree) -> Tree:
        filled = {}
        phases = {name: phase for name, phase in self._mapping(tree, ("phases",)).items() if phase is not None}
        if not phases:
            self.complain(
                ("phases",), "is missing; a recipe needs at least one phase, name: {rounds: ..., turns: {...}}"
            )
        for name, phase in phases.items():
            path: Path = ("phases", name)
            options = self._options(self._mapping(phase, path), schema.PHASE, path, "a phase")
            options["turns"] = self._turns(options.get("turns"), (*path, "turns"), optimizers)
            filled[name] = options
        return filled

    def _check_phase_names(self, callbacks: Iterable[Tree | None], phases: Tree) -> None:
        """A callback that waits for a phase that never comes."""
        for i, block in enumerate(callbacks):
            if block is None or not phases:
                continue  # complained of already
            for name, option in spec.read(registry.find("callback", block["name"])).options.items():
                wanted = block.get(name)
                if option.type == PhaseName and isinstance(wanted, str) and wanted not in phases:
                    near = registry.suggest(wanted, phases) or f"; this recipe has: {', '.join(phases)}."
                    self.complain(
                        ("callbacks", i, name), f'there is no phase "{wanted}"{near} callbacks=[] leaves callbacks out'
                    )

    def _check_updates(self, phases: Tree) -> None:
        """A verdict that is never trained, or a critic: it would run, and mean nothing."""
        turns = [turn for phase in phases.values() for turn in phase["turns"].values()]
        moved = {player.split(".")[0] for turn in turns for player in turn["updates"]}
        asked: set[str] = set()
        for turn in turns:
            asked |= spec.read(registry.find("objective", turn["objective"])).shared
        reward, estimator = self.specs.get("reward"), self.specs.get("estimator")
        if "reward" in asked and reward and "discriminator" in reward.shared - moved:
            self.complain(
                ("phases",),
                f'the reward "{reward.component.name}" is a verdict of the discriminator, which no turn trains; '
                "add the turn discriminate",
            )
        if "estimator" in asked and estimator and estimator.traits.get("has_parameters") and "estimator" not in moved:
            self.complain(
                ("phases",),
                f'estimator "{estimator.component.name}" has parameters of its own, which no turn trains; '
                "write updates: [generator, estimator] where it is used",
            )

    def _turns(self, turns: Any, path: Path, optimizers: Tree) -> Tree:
        turns = named_turns(turns)
        if not isinstance(turns, dict):
            if isinstance(turns, list):
                self.complain(path, "expected objectives by name; give turns with options as NAME: {objective: ...}")
            return {}
        found = {str(name): self._turn(turn, str(name), path, optimizers) for name, turn in turns.items() if turn is not None}
        return {name: turn for name, turn in found.items() if turn is not None}

    def _turn(self, turn: Any, turn_name: str, path: Path, optimizers: Tree) -> Any:
        path = (*path, turn_name)
        turn = {"objective": turn} if isinstance(turn, str) else turn
        if isinstance(turn, dict):
            turn = {"objective": turn_name, **turn}
        if not isinstance(turn, dict) or not isinstance(turn["objective"], str):
            self.complain(path, 'expected an objective, such as "likelihood", or {objective: ..., times: ...}')
            return None
        known = {key: value for key, value in turn.items() if key in schema.TURN}
        options = {key: value for key, value in turn.items() if key not in schema.TURN}
        component = self._component("objective", {"name": turn["objective"], **options}, path)
        if component is None:
            return None
        filled = self._options(known, schema.TURN, path, "a turn")
        updates = filled["updates"]
        if updates is None:
            updates = spec.read(registry.find("objective", turn["objective"])).traits["updates"]
        moves = dict(updates) if isinstance(updates, Mapping) else {player: player.split(".")[0] for player in updates}
        for player, optimizer in moves.items():
            if player.split(".")[0] not in self.specs:
                self.complain((*path, "updates"), f'there is no player "{player}" in this recipe')
            elif optimizer not in optimizers:
                near = registry.suggest(optimizer, optimizers)
                self.complain(
                    (*path, "updates"),
                    f'moves the {player}, but optimizers has no "{optimizer}"{near or "; add it"}',
                )
        return filled | {"updates": moves} | {k: v for k, v in component.items() if k != "name"}

    def _metrics(self, given: Any) -> list[Any]:
        path = ("evaluate", "metrics")
        provides = self._trait("data", "capabilities") | self._trait("generator", "capabilities")
        if given is None:
            fitting = []
            for component in registry.components("metric"):
                try:
                    traits = spec.read(component).traits
                except UserError:
                    continue  # a broken plugin's metric is reported when it is asked for
                if traits["default"] and traits["requires"] <= provides:
                    fitting.append(component.name)
            return [self._component("metric", name, path) for name in fitting]
        filled = []
        for i, item in enumerate(given if isinstance(given, list) else []):
            block = self._component("metric", item, (*path, i))
            filled.append(block)
            lacking = (
                sorted(spec.read(registry.find("metric", block["name"])).traits["requires"] - provides) if block else []
            )
            if lacking and not {"data", "generator"} - self.specs.keys():
                data, generator = (self.specs[kind].component.name for kind in ("data", "generator"))
                self.complain(
                    (*path, i),
                    f'{block["name"]} needs {lacking[0]}, which neither data "{data}" nor generator "{generator}" has',
                )
        return filled

    def _trait(self, kind: str, name: str) -> frozenset[str]:
        found: frozenset[str] = self.specs[kind].traits.get(name, frozenset()) if kind in self.specs else frozenset()
        return found

    def _controls(self, tree: Tree) -> Tree:
        """Each control is this recipe with changes, and has to be a recipe that works."""
        filled = {}
        for name, changes in self._mapping(tree.get("controls"), ("controls",)).items():
            if changes is None:
                continue
            path: Path = ("controls", name)
            if not re.fullmatch(r"[A-Za-z0-9][\w-]*", str(name)):  # it becomes a folder's
                self.complain(path, "is no name for a control; write letters, digits, dashes and underscores")
                continue
            if not isinstance(changes, dict):
                self.complain(path, "expected what the control changes, such as {reward: constant}")
                continue
            below = {key: value for key, value in tree.items() if key != "controls"}
            moved = {p[2:]: location for p, location in self.locations.items() if p[:2] == path and len(p) > 2}
            merged, locations = merge(below, dict(self.locations), changes, moved)
            inner = Checker(locations)
            inner.recipe(merged)
            fresh = [p for p in inner.problems if p.text not in {q.text for q in self.problems}]
            self.problems += [Problem((*path, *p.path), p.text, p.location) for p in fresh]
            filled[name] = changes
        return filled

"""Checks the phases of a recipe and their turns, and fills in the defaults."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from textgan.core import registry, spec
from textgan.core.options import PhaseName
from textgan.recipe import schema, values
from textgan.recipe.components import ComponentChecker, Tree
from textgan.recipe.merge import named_turns
from textgan.recipe.problems import Path, dotted


class PhaseChecker(ComponentChecker):
    """Adds phases to what is checked. The blocks of components have to be checked before."""

    def phases(self, tree: Any, optimizers: Tree) -> Tree:
        """Returns the phases that are not null, with every default."""
        filled = {}
        phases = {name: phase for name, phase in self.mapping(tree, ("phases",)).items() if phase is not None}
        if not phases:
            self.add_problem(
                ("phases",),
                "is missing; expected at least one phase, such as train: {rounds: 100, turns: [likelihood]}",
            )
        for name, phase in phases.items():
            path: Path = ("phases", name)
            options = self.options(self.mapping(phase, path), schema.PHASE, path, "a phase")
            options["turns"] = self._turns(options.get("turns"), (*path, "turns"), optimizers)
            filled[name] = options
        return filled

    def check_phase_names(self, callbacks: Iterable[Tree | None], phases: Tree) -> None:
        """Reports callbacks that wait for a phase that the recipe does not have."""
        for i, block in enumerate(callbacks):
            if block is None or not phases:
                continue  # reported already
            for name, option in spec.read(registry.find("callback", block["name"])).options.items():
                phase = block.get(name)
                if option.type == PhaseName and isinstance(phase, str) and phase not in phases:
                    near = registry.suggest(phase, phases) or f"; this recipe has: {', '.join(phases)}."
                    self.add_problem(
                        ("callbacks", i, name), f'there is no phase "{phase}"{near} callbacks=[] leaves callbacks out'
                    )

    def check_updates(self, phases: Tree, optimizers: Tree) -> None:
        """Reports a discriminator or an estimator that is used but never updated: its values would be meaningless."""
        turns = [
            (("phases", name, "turns", turn_name), turn)
            for name, phase in phases.items()
            for turn_name, turn in phase["turns"].items()
        ]
        updated = {player.split(".")[0] for _, turn in turns for player in turn["updates"]}
        objectives = {path: spec.read(registry.find("objective", turn["objective"])) for path, turn in turns}
        needed = {path: known.shared - known.optional_shared for path, known in objectives.items()}
        rewarded = {path for path, objects in needed.items() if "reward" in objects}
        reward, estimator = self.specs.get("reward"), self.specs.get("estimator")
        if rewarded and reward and "discriminator" in (reward.shared & self.specs.keys()) - updated:
            first = next(path for path, _ in turns if path in rewarded)
            optimizer = "" if "discriminator" in optimizers else " optimizers.discriminator.lr=1e-3"
            self.add_problem(
                ("phases",),
                f'reward "{reward.component.name}" comes from the discriminator, which no turn updates; '
                f"set {dotted(first[:-1])}.discriminate=discriminate{optimizer}",
            )
        using = [item for item in turns if item[0] in rewarded and "estimator" in needed[item[0]]]
        if using and estimator and estimator.traits.get("has_parameters") and "estimator" not in updated:
            path, turn = using[0]
            optimizer = "estimator" if "estimator" in optimizers else next(iter(turn["updates"].values()), "estimator")
            updates = ", ".join(f"{p}: {o}" for p, o in {**turn["updates"], "estimator": optimizer}.items())
            self.add_problem(
                ("phases",),
                f'estimator "{estimator.component.name}" has parameters, which no turn updates; '
                f"set {dotted(path)}.updates={{{updates}}}",
            )

    def _turns(self, turns: Any, path: Path, optimizers: Tree) -> Tree:
        turns = named_turns(turns)
        if isinstance(turns, list):
            self.add_problem(path, _unnamed(turns))
        if not isinstance(turns, dict):
            return {}
        found: Tree = {}
        for name, turn in turns.items():
            if turn is None:
                continue
            if isinstance(turn, dict) and "objective" not in turn and not _is_objective(name):
                others = [str(other) for other in turns if other != name]
                listed = f"; the other turns are {', '.join(others)}" if others else ""
                near = registry.suggest(str(name), others) or listed
                example = "" if near.endswith("?") else f"; set {dotted((*path, name))}.objective for a new turn"
                self.add_problem((*path, name), f'turn "{name}" has no objective{near}{example}')
                continue
            found[str(name)] = self._turn(turn, str(name), path, optimizers)
        return {name: turn for name, turn in found.items() if turn is not None}

    def _turn(self, turn: Any, name: str, path: Path, optimizers: Tree) -> Any:
        path = (*path, name)
        turn = {"objective": turn} if isinstance(turn, str) else turn
        if isinstance(turn, dict):
            turn = {"objective": name, **turn}
        if not isinstance(turn, dict) or not isinstance(turn["objective"], str):
            self.add_problem(path, 'expected an objective, such as "likelihood", or {objective: ..., times: ...}')
            return None
        known = {key: value for key, value in turn.items() if key in schema.TURN}
        options = {key: value for key, value in turn.items() if key not in schema.TURN}
        component = self.component("objective", {"name": turn["objective"], **options}, path)
        if component is None:
            return None
        filled = self.options(known, schema.TURN, path, "a turn")
        filled["updates"] = self._updates(filled["updates"], turn["objective"], path, optimizers)
        return filled | {key: value for key, value in component.items() if key != "name"}

    def _updates(self, updates: Any, objective: str, path: Path, optimizers: Tree) -> dict[str, str]:
        """Returns player -> optimizer, for null that of the objective; checks that both exist."""
        if updates is None:
            updates = spec.read(registry.find("objective", objective)).traits["updates"]
        elif values.problem(updates, schema.TURN["updates"].type):
            return {}  # reported already
        pairs = dict(updates) if isinstance(updates, Mapping) else {player: player.split(".")[0] for player in updates}
        for player, optimizer in pairs.items():
            kind = player.split(".")[0]
            if kind in schema.BLOCKS:
                self.need(kind, path, objective)
            elif kind not in self.specs:
                near = registry.suggest(player, self.specs) or f"; there are: {', '.join(self.specs)}"
                self.add_problem((*path, "updates"), f'there is no player "{player}" in this recipe{near}')
                continue
            if kind in self.specs and optimizer not in optimizers:
                near = registry.suggest(optimizer, optimizers) or f"; add optimizers.{optimizer}"
                self.add_problem((*path, "updates"), f'optimizers has no "{optimizer}" to update the {player}{near}')
        return pairs


def _is_objective(name: Any) -> bool:
    return any(component.name == name for component in registry.components("objective"))


def _unnamed(turns: list[Any]) -> str:
    """Explains why a list is not short for a mapping of turns."""
    names = [name for name in turns if isinstance(name, str)]
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if len(names) == len(turns) and repeated:
        name = repeated[0]
        return (
            f"lists {name} {names.count(name)} times; name the turns: {{first: {name}, second: {name}}}, "
            f"or {{{name}: {{times: {names.count(name)}}}}}"
        )
    found = next(turn for turn in turns if not isinstance(turn, str))
    objective = found.get("objective") if isinstance(found, dict) else None
    example = f"generator: {{objective: {objective or 'adversarial'}, times: 2}}"
    return f"expected objectives in a list; turns with options are a mapping from names to turns, such as {example}"

"""What stands beside every variant, unasked: the same steps without what is said to help.

Each control is a change of the variant's recipe, worked out from what its turns and players declare. A control that
would be the variant itself, or has no meaning for it, is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from textgan import registry, spec
from textgan.recipe import Recipe
from textgan.spec import Spec

Changes = Mapping[str, Any]


def controls(recipe: Recipe) -> Iterator[tuple[str, Changes]]:
    """Name and changes of each control of a variant.

    - "start": its generator as it is before the first adversarial phase;
    - "early": the same with a third of the likelihood steps, since early stopping with a low temperature is hard to
      beat;
    - "continued": likelihood training goes on for as many steps as the adversarial phases take;
    - "constant": the variant's own update with the discriminator's verdict replaced by a constant.
    """
    phases = recipe.filled["phases"]
    adversarial = {name: _steps(phase) for name, phase in phases.items() if _steps(phase)}
    if not adversarial:
        return
    before = {name: phase for name, phase in phases.items() if name not in adversarial}
    likelihood = {name: phase for name, phase in before.items() if _writes(phase)}
    if likelihood:
        rest = {name: None for name in phases if name not in likelihood}
        yield "start", {"phases": rest}
        yield "early", {"phases": rest | {name: _shorter(phase) for name, phase in likelihood.items()}}
        last = list(likelihood.values())[-1]
        turns = [{**turn, "times": 1, "every": 1} for turn in last["turns"] if _moves_generator(turn)]
        longer = {name: {"steps": steps, "turns": turns} for name, steps in adversarial.items()}
        yield "continued", {"phases": rest | longer}
    reward, estimator = _known(recipe, "reward"), _known(recipe, "estimator")
    if reward and "discriminator" in reward.shared and estimator and estimator.traits["mode"] == "score":
        alone = {
            name: {"turns": [turn for turn in phases[name]["turns"] if _moves_generator(turn)]} for name in adversarial
        }
        unread = {name: None for name in before if name not in likelihood}
        yield "constant", {"reward": {"name": "constant"}, "phases": unread | alone}


def after_start(recipe: Recipe) -> list[str]:
    """The phases behind a variant's start: all that follow the last likelihood phase before the first adversarial one.

    What a budget counts, the discriminator's pre-training included. None where nothing is adversarial.
    """
    phases = recipe.filled["phases"]
    names = list(phases)
    first = next((place for place, name in enumerate(names) if _steps(phases[name])), None)
    if first is None:
        return []
    return names[max((place + 1 for place in range(first) if _writes(phases[names[place]])), default=0) :]


def _known(recipe: Recipe, kind: str) -> Spec | None:
    block = recipe.filled[kind]
    return spec.read(registry.find(kind, block["name"])) if block else None


def _moves_generator(turn: Mapping[str, Any]) -> bool:
    return any(player.split(".")[0] == "generator" for player in turn["updates"])


def _writes(phase: Mapping[str, Any]) -> bool:
    return any(_moves_generator(turn) for turn in phase["turns"])


def _steps(phase: Mapping[str, Any]) -> int:
    """The generator's steps against a reward in a phase."""
    paid = [
        turn
        for turn in phase["turns"]
        if "reward" in spec.read(registry.find("objective", turn["objective"])).shared and _moves_generator(turn)
    ]
    return sum(turn["times"] * -(-phase["steps"] // turn["every"]) for turn in paid)


def _shorter(phase: Mapping[str, Any]) -> Changes:
    return {"steps": max(1, phase["steps"] // 3)}

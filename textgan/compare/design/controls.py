"""What stands beside every variant, unasked: the same steps without what is said to help.

Each control is a change of the variant's recipe, worked out from what its turns and players declare. A control that
would be the variant itself, or has no meaning for it, is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from textgan.core import registry, spec
from textgan.core.spec import Spec
from textgan.recipe import Recipe

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
    adversarial = {name: _adversarial_rounds(phase) for name, phase in phases.items() if _adversarial_rounds(phase)}
    if not adversarial:
        return
    before = {name: phase for name, phase in phases.items() if name not in adversarial}
    likelihood = {name: phase for name, phase in before.items() if _trains_generator(phase)}
    if likelihood:
        rest = {name: None for name in phases if name not in likelihood}
        yield "start", {"phases": rest}
        yield "early", {"phases": rest | {name: _shorter(phase) for name, phase in likelihood.items()}}
        last = list(likelihood.values())[-1]
        turns = {
            turn: {**block, "times": 1, "every": 1}
            for turn, block in last["turns"].items()
            if _updates_generator(block)
        }
        longer = {name: {"rounds": rounds, "turns": _only(phases[name], turns)} for name, rounds in adversarial.items()}
        yield "continued", {"phases": rest | longer}
    reward, estimator = _known(recipe, "reward"), _known(recipe, "estimator")
    if reward and "discriminator" in reward.shared and estimator and estimator.traits["mode"] == "score":
        alone = {
            name: {
                "turns": {turn: None for turn, block in phases[name]["turns"].items() if not _updates_generator(block)}
            }
            for name in adversarial
        }
        unread = {name: None for name in before if name not in likelihood}
        yield "constant", {"reward": {"name": "constant"}, "phases": unread | alone}


def phases_after_start(recipe: Recipe) -> list[str]:
    """The phases behind a variant's start: all that follow the last likelihood phase before the first adversarial one.

    What a budget counts, the discriminator's pre-training included. None where nothing is adversarial.
    """
    phases = recipe.filled["phases"]
    names = list(phases)
    first = next((place for place, name in enumerate(names) if _adversarial_rounds(phases[name])), None)
    if first is None:
        return []
    return names[max((place + 1 for place in range(first) if _trains_generator(phases[names[place]])), default=0) :]


def _only(phase: Mapping[str, Any], turns: Mapping[str, Any]) -> dict[str, Any]:
    """Changes that leave these turns of a phase and no others."""
    return {**dict.fromkeys(phase["turns"]), **turns}


def _known(recipe: Recipe, kind: str) -> Spec | None:
    block = recipe.filled[kind]
    return spec.read(registry.find(kind, block["name"])) if block else None


def _updates_generator(turn: Mapping[str, Any]) -> bool:
    return any(player.split(".")[0] == "generator" for player in turn["updates"])


def _trains_generator(phase: Mapping[str, Any]) -> bool:
    return any(_updates_generator(turn) for turn in phase["turns"].values())


def _adversarial_rounds(phase: Mapping[str, Any]) -> int:
    """The generator's steps against a reward in a phase."""
    paid = [
        turn
        for turn in phase["turns"].values()
        if "reward" in spec.read(registry.find("objective", turn["objective"])).shared and _updates_generator(turn)
    ]
    return sum(turn["times"] * -(-phase["rounds"] // turn["every"]) for turn in paid)


def _shorter(phase: Mapping[str, Any]) -> Changes:
    return {"rounds": max(1, phase["rounds"] // 3)}

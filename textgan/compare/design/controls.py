"""Derives the controls of a variant: runs that omit one part of the method, so that its effect can be measured.

Every variant gets them without being asked. Each control is a change of the variant's recipe, derived from what its
turns and players declare. A control that equals the variant, or does not apply to it, is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from textgan.core import registry, spec
from textgan.core.spec import Spec
from textgan.recipe import Recipe

Changes = Mapping[str, Any]


def controls(recipe: Recipe) -> Iterator[tuple[str, Changes]]:
    """Yields the name and the recipe changes of each control of a variant.

    - "start": its generator before the first adversarial phase;
    - "early": the same with a third of the likelihood rounds, since early stopping with a low temperature is hard to
      beat;
    - "continued": likelihood training continues for as many updates as the adversarial phases perform;
    - "constant": the variant's own update with the discriminator's reward replaced by a constant.
    """
    phases = recipe.filled["phases"]
    adversarial = {name: _adversarial_updates(phase) for name, phase in phases.items() if _adversarial_updates(phase)}
    if not adversarial:
        return
    before = {name: phase for name, phase in phases.items() if name not in adversarial}
    likelihood = {name: phase for name, phase in before.items() if _trains_generator(phase)}
    if likelihood:
        removed = {name: None for name in phases if name not in likelihood}
        yield "start", {"phases": removed}
        yield "early", {"phases": removed | {name: _third(phase) for name, phase in likelihood.items()}}
        last = list(likelihood.values())[-1]
        turns = {
            turn: {**block, "times": 1, "every": 1}
            for turn, block in last["turns"].items()
            if _updates_generator(block)
        }
        continued = {
            name: {"rounds": updates, "turns": _replace_turns(phases[name], turns)}
            for name, updates in adversarial.items()
        }
        yield "continued", {"phases": removed | continued}
    reward, estimator = _component(recipe, "reward"), _component(recipe, "estimator")
    if reward and "discriminator" in reward.shared and estimator and estimator.traits["mode"] == "score":
        generator_only = {
            name: {
                "turns": {turn: None for turn, block in phases[name]["turns"].items() if not _updates_generator(block)}
            }
            for name in adversarial
        }
        unused = {name: None for name in before if name not in likelihood}
        yield "constant", {"reward": {"name": "constant"}, "phases": unused | generator_only}


def phases_after_start(recipe: Recipe) -> list[str]:
    """Returns the phases after a variant's start: all after the last likelihood phase before the first adversarial one.

    A budget counts these phases; pre-training of the discriminator is included. The list is empty if no phase is
    adversarial.
    """
    phases = recipe.filled["phases"]
    names = list(phases)
    first = next((index for index, name in enumerate(names) if _adversarial_updates(phases[name])), None)
    if first is None:
        return []
    return names[max((index + 1 for index in range(first) if _trains_generator(phases[names[index]])), default=0) :]


def _replace_turns(phase: Mapping[str, Any], turns: Mapping[str, Any]) -> dict[str, Any]:
    """Returns changes that remove the turns of a phase and add the given ones.

    Changes are merged key by key. A turn is therefore renamed if one of the same name updates other players, which
    would be added to its own.
    """
    removed = phase["turns"]
    merges = {name for name, turn in turns.items() if removed.get(name, turn)["updates"].keys() - turn["updates"]}
    return {**dict.fromkeys(removed), **{name + "_continued" * (name in merges): turns[name] for name in turns}}


def _component(recipe: Recipe, kind: str) -> Spec | None:
    """Returns what the recipe's component of a kind declares, or None if the recipe has none."""
    block = recipe.filled[kind]
    return spec.read(registry.find(kind, block["name"])) if block else None


def _updates_generator(turn: Mapping[str, Any]) -> bool:
    return any(player.split(".")[0] == "generator" for player in turn["updates"])


def _trains_generator(phase: Mapping[str, Any]) -> bool:
    return any(_updates_generator(turn) for turn in phase["turns"].values())


def _adversarial_updates(phase: Mapping[str, Any]) -> int:
    """Counts the generator's updates on a reward in a phase."""
    rewarded = [
        turn
        for turn in phase["turns"].values()
        if "reward" in spec.read(registry.find("objective", turn["objective"])).shared and _updates_generator(turn)
    ]
    return sum(turn["times"] * -(-phase["rounds"] // turn["every"]) for turn in rewarded)


def _third(phase: Mapping[str, Any]) -> Changes:
    return {"rounds": max(1, phase["rounds"] // 3)}

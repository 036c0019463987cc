"""The design of a comparison: which recipes are run with which seeds, and which runs begin where another one stood."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from textgan.compare.design.controls import controls, phases_after_start
from textgan.core.errors import UserError
from textgan.recipe import Recipe, RecipeError
from textgan.recipe import load as load_recipe
from textgan.runs.atomic import write_text
from textgan.runs.builder import common_phases
from textgan.runs.cost import Budget
from textgan.runs.run_dir import RunDir, read_json

FILE = "comparison.json"
MEASURED, FAILED, PROGRESS = "measured.json", "failed.json", "progress.json"
"""Files in the folder of a method's run: what was measured, why it failed, how far it is."""
SHARED = ("data", "tokenizer", "max_len", "device")
"""What all variants must have alike, for their numbers to be comparable."""


@dataclass(frozen=True)
class Settings:
    """How a comparison is made.

    Args:
        seeds: 0 to n - 1.
        temperatures: at which every model is sampled.
        samples: sequences for each measurement.
        alpha: how often a false "better" is accepted, over all pairs together.
        margin: differences of quality below it are of no interest, as a share of the spread between the best and
            the worst model.
        best_of: sequences of which the trained discriminator takes the best, in the control of that name.
        shorter: phases are that many times shorter than the recipes have them; then nothing is ranked.
        budget: "updates", "tokens" or "seconds" -> how many of them every method has behind its start. Empty is what
            the recipes say.
        select_checkpoint: validation text chooses among the checkpoints behind the start; otherwise it is the last one.
    """

    seeds: int = 5
    temperatures: Sequence[float] = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1)
    samples: int = 2000
    alpha: float = 0.1
    margin: float = 0.05
    best_of: int = 4
    shorter: int = 1
    budget: Mapping[str, float] = field(default_factory=dict)
    select_checkpoint: bool = False


def quickly(settings: Settings) -> Settings:
    """Two seeds, short phases, few samples: to see that everything works. Such numbers rank nothing."""
    budget = {kind: amount / 10 for kind, amount in settings.budget.items()}
    samples = min(settings.samples, 500)
    return replace(settings, seeds=2, samples=samples, temperatures=(0.7, 1.0), shorter=10, budget=budget)


@dataclass(frozen=True)
class Method:
    """One line of the comparison: a variant, or a control of one.

    Args:
        name: "seqgan", "seqgan: constant".
        recipe: its file, beside the others.
        variant: the variant that it is a control of; its own name if it is none.
        control: which control, or "".
        start: the method that is the variant's generator before anything adversarial, "" if there is none.
        constant: the method that is the variant with a constant reward, "" if there is none.
        best_of: whether it is that generator with the variant's discriminator to choose: nothing is trained.
        after: its phases behind the start, which a budget counts.
    """

    name: str
    recipe: str
    variant: str
    control: str = ""
    start: str = ""
    constant: str = ""
    best_of: bool = False
    after: Sequence[str] = field(default_factory=list)


@dataclass(frozen=True)
class Plan:
    """What is written down before anything is run, so that it can be gone on with."""

    folder: Path
    methods: Sequence[Method]
    settings: Settings
    origins: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Method -> {"method", "global_round"}: the checkpoint of another one, up to which the two are alike."""

    def recipe(self, method: Method, seed: int) -> Recipe:
        return load_recipe(self.folder / "recipes" / method.recipe, [f"seed={seed}"]).named(method.name)

    def home(self, name: str, seed: int) -> Path:
        """Where a method's run with a seed stands, with what was measured of it."""
        return self.folder / "methods" / _file(name) / f"seed-{seed}"

    def method(self, name: str) -> Method:
        return next(method for method in self.methods if method.name == name)

    def jobs(self) -> list[tuple[Method, int]]:
        """Everything to run, such that what others begin from comes before them."""
        return [(method, seed) for seed in range(self.settings.seeds) for method in self.methods]

    def requirements(self, method: Method, seed: int) -> list[Path]:
        """What must be there before it can run."""
        if method.best_of:
            return [RunDir(self.home(name, seed) / "run").model for name in (method.start, method.variant)]
        origin = self.origin(method, seed)
        return [origin] if origin else []

    def budget(self, method: Method) -> Budget:
        """Where the budget ends it."""
        return Budget(self.settings.budget, frozenset(method.after if self.settings.budget else ()))

    def origin(self, method: Method, seed: int) -> Path | None:
        """The checkpoint that it begins at, or None for the beginning."""
        found = self.origins.get(method.name)
        if found is None:
            return None
        return RunDir(self.home(found["method"], seed) / "run").checkpoint(found["global_round"])


def make_plan(recipes: Iterable[Recipe], settings: Settings, folder: Path) -> Plan:
    """The plan of a comparison, written to its folder.

    Raises:
        UserError: if there is nothing to compare, or variants differ in what has to be alike.
    """
    recipes = list(recipes)
    if not recipes:
        raise UserError("name a recipe to compare with others, or alone with its controls; `textgan list` shows them")
    variants = {name: _shorter(recipe, settings.shorter) for name, recipe in _named(recipes).items()}
    _check_alike(variants)
    methods: list[Method] = []
    found: dict[str, Recipe] = {}
    for name, recipe in variants.items():
        beside = {control: recipe.changed(f"{name}: {control}", changes) for control, changes in controls(recipe)}
        start, constant = (
            _doing(beside[control], found) or f"{name}: {control}" if control in beside else ""
            for control in ("start", "constant")
        )
        after = phases_after_start(recipe)
        methods.append(Method(name, f"{_file(name)}.yaml", name, start=start, constant=constant, after=after))
        found[name] = recipe.without_controls()
        for control, changed in beside.items():
            if not _doing(changed, found):
                counted = [phase for phase in changed.filled["phases"] if phase in after]
                methods.append(Method(changed.name, f"{_file(changed.name)}.yaml", name, control, start, after=counted))
                found[changed.name] = changed
        chooser = _chooser(recipe, f"{name}: best of {settings.best_of}", settings.best_of) if start else None
        if chooser is not None:
            methods.append(Method(chooser.name, f"{_file(chooser.name)}.yaml", name, "best of", start, best_of=True))
            found[chooser.name] = chooser
    if len(methods) < 2:
        raise UserError(f"{methods[0].name} has no controls to be compared with; name another recipe beside it")
    trained = {method.name: found[method.name] for method in methods if not method.best_of}
    # Where a budget ends a phase, its last checkpoint is nobody's to know beforehand.
    ends = {method.name: method.after if settings.budget else () for method in methods}
    plan = Plan(folder, methods, settings, _origins(trained, ends))
    for name, recipe in found.items():
        target = folder / "recipes" / f"{_file(name)}.yaml"
        target.parent.mkdir(parents=True, exist_ok=True)
        write_text(target, recipe.yaml())
    content = {"methods": [asdict(m) for m in methods], "settings": asdict(settings), "origins": plan.origins}
    write_text(folder / FILE, json.dumps(content, indent=2) + "\n")
    return plan


def read(folder: Path) -> Plan:
    """The plan of a comparison that was begun. Raises UserError if the folder holds none."""
    if not (folder / FILE).is_file():
        raise UserError(f"{folder} holds no comparison; begin one with `textgan compare RECIPE RECIPE`")
    content = read_json(folder / FILE)
    methods = [Method(**fields) for fields in content["methods"]]
    return Plan(folder, methods, Settings(**content["settings"]), content["origins"])


def _named(recipes: Iterable[Recipe]) -> dict[str, Recipe]:
    """Each under a name of its own: a recipe that is given twice gets a number."""
    named: dict[str, Recipe] = {}
    for recipe in recipes:
        candidates = (f"{recipe.name} ({count})" if count > 1 else recipe.name for count in itertools.count(1))
        taken = {_file(name) for name in named}
        name = next(candidate for candidate in candidates if _file(candidate) not in taken)
        named[name] = recipe.named(name)
    return named


def _shorter(recipe: Recipe, factor: int) -> Recipe:
    if factor == 1:
        return recipe
    rounds = {name: {"rounds": max(1, phase["rounds"] // factor)} for name, phase in recipe.filled["phases"].items()}
    return recipe.changed(recipe.name, {"phases": rounds})


def _check_alike(variants: Mapping[str, Recipe]) -> None:
    (first, one), *others = variants.items()
    for name, other in others:
        for key in SHARED:
            mine, theirs = one.filled[key], other.filled[key]
            if mine != theirs:
                setting = f"{key}.name=..." if isinstance(mine, dict) else f"{key}=..."
                raise UserError(
                    f"{first} and {name} differ in {key} ({_short(mine)}; {_short(theirs)}), so their numbers would "
                    f"not be comparable; give it for all, {setting}"
                )


def _short(value: Any) -> str:
    return ", ".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, dict) else str(value)


def _doing(recipe: Recipe, found: Mapping[str, Recipe]) -> str:
    """The name of a method that trains the very same, or ""."""
    return next((name for name, other in found.items() if _same(recipe, other)), "")


def _chooser(recipe: Recipe, name: str, count: int) -> Recipe | None:
    """The recipe with its discriminator to choose among samples, or None where it cannot judge them."""
    try:
        return recipe.changed(name, {"decoding": {"name": "best_of", "n": count}})
    except RecipeError:
        return None


def _same(one: Recipe, other: Recipe) -> bool:
    """Whether two recipes train the same generator in the same way, whatever stands in blocks that no turn uses."""
    rounds = sum(phase["rounds"] for phase in one.filled["phases"].values())
    ends = len(one.filled["phases"]) == len(other.filled["phases"])
    return (
        ends
        and rounds == sum(p["rounds"] for p in other.filled["phases"].values())
        and (common_phases(one, other) == len(one.filled["phases"]))
    )


def _origins(recipes: Mapping[str, Recipe], ends: Mapping[str, Sequence[str]]) -> dict[str, dict[str, Any]]:
    """For each method, the earlier one that goes the longest way with it, without the phases that a budget ends."""
    found: dict[str, dict[str, Any]] = {}
    names = list(recipes)
    for place, name in enumerate(names):
        most = len(recipes[name].filled["phases"]) - len(ends[name])
        alike = {other: min(most, common_phases(recipes[other], recipes[name])) for other in names[:place]}
        best = max(alike, key=lambda other: alike[other], default=None)
        if best is not None and alike[best]:
            phases = list(recipes[best].filled["phases"].values())[: alike[best]]
            found[name] = {"method": best, "global_round": sum(phase["rounds"] for phase in phases)}
    return found


def _file(name: str) -> str:
    """A name as a file's: letters, digits and dashes, two of them before what a control is called."""
    parts = ("".join(c if c.isalnum() or c in "._" else " " for c in part).split() for part in name.split(": "))
    return "--".join("-".join(words) for words in parts)

"""Plans a comparison: which recipes run with which seeds, and which runs start at a checkpoint of another one."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from textgan.compare.design.controls import controls, phases_after_start
from textgan.compare.design.shared_runs import equivalent, origins
from textgan.core.errors import UserError
from textgan.recipe import Recipe, RecipeError
from textgan.recipe import load as load_recipe
from textgan.runs.atomic import write_text
from textgan.runs.cost import Budget
from textgan.runs.run_dir import RunDir, read_json

FILE = "comparison.json"
MEASURED, FAILED, PROGRESS = "measured.json", "failed.json", "progress.json"
"""Files in the folder of a method's run: its measurements, the reason of a failure, its progress."""
SHARED = ("data", "tokenizer", "max_len", "device")
"""Recipe keys that all variants must share; otherwise their metrics are not comparable."""


@dataclass(frozen=True)
class Settings:
    """Holds the settings of a comparison.

    Args:
        seeds: number of runs of each method; their seeds are 0 to n - 1.
        temperatures: temperatures at which every model is sampled.
        samples: sequences sampled for each measurement.
        alpha: probability of any false "better" among all pairs (family-wise error rate).
        margin: differences of quality below it are negligible, as a share of the spread between the best and the worst
            model.
        best_of: number of samples from which the trained discriminator selects one, in the control of that name.
        shorter: factor by which phases are shortened; above 1, no method is ranked.
        budget: "updates", "tokens" or "seconds" -> the amount that every method may use after its start. If empty,
            the recipes' rounds apply.
        select_checkpoint: whether each run is represented by its best checkpoint after the start on validation text
            instead of its last one.
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


def quick_settings(settings: Settings) -> Settings:
    """Returns settings for a test of the setup: two seeds, short phases, few samples. No method is ranked."""
    budget = {kind: amount / 10 for kind, amount in settings.budget.items()}
    samples = min(settings.samples, 500)
    return replace(settings, seeds=2, samples=samples, temperatures=(0.7, 1.0), shorter=10, budget=budget)


@dataclass(frozen=True)
class Method:
    """Describes a method of the comparison: a variant, or a control of one.

    Args:
        name: name shown in reports, such as "seqgan" or "seqgan: constant".
        recipe: name of its file in the folder `recipes`.
        variant: the variant that it is a control of; for a variant, its own name.
        control: which control it is; "" for a variant.
        start: the method that trains the variant's generator up to the first adversarial phase; "" if none does.
        constant: the method that trains the variant with a constant reward; "" if none does.
        best_of: whether the variant's discriminator selects samples of the start's generator; such a method trains
            nothing.
        after: its phases after the start, which a budget counts.
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
    """Describes all runs of a comparison. It is saved before the first run, so that a comparison can be resumed.

    Args:
        folder: folder of the comparison.
        methods: the variants and their controls, in order.
        settings: the settings of the comparison.
        origins: method -> {"method", "global_round"}: the checkpoint of an earlier method at which it starts. Up to
            that round, the two runs are identical.
    """

    folder: Path
    methods: Sequence[Method]
    settings: Settings
    origins: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def recipe(self, method: Method, seed: int) -> Recipe:
        """Loads the recipe of a method, with a seed."""
        return load_recipe(self.folder / "recipes" / method.recipe, [f"seed={seed}"]).named(method.name)

    def home(self, name: str, seed: int) -> Path:
        """Returns the folder of a method's run with a seed; its measurements are saved there too."""
        return self.folder / "methods" / _file(name) / f"seed-{seed}"

    def method(self, name: str) -> Method:
        """Returns the method of this name."""
        return next(method for method in self.methods if method.name == name)

    def jobs(self) -> list[tuple[Method, int]]:
        """Returns all runs as (method, seed); a run precedes those that start at its checkpoints, seed by seed."""
        return [(method, seed) for seed in range(self.settings.seeds) for method in self.methods]

    def requirements(self, method: Method, seed: int) -> list[Path]:
        """Returns the folders that must exist before a run can start."""
        if method.best_of:
            return [RunDir(self.home(name, seed) / "run").model for name in (method.start, method.variant)]
        origin = self.origin(method, seed)
        return [origin] if origin else []

    def budget(self, method: Method) -> Budget:
        """Returns the budget of a method, which counts its phases after the start."""
        return Budget(self.settings.budget, frozenset(method.after if self.settings.budget else ()))

    def origin(self, method: Method, seed: int) -> Path | None:
        """Returns the checkpoint at which a run starts, or None if it starts from scratch."""
        found = self.origins.get(method.name)
        if found is None:
            return None
        return RunDir(self.home(found["method"], seed) / "run").checkpoint(found["global_round"])


def make_plan(recipes: Iterable[Recipe], settings: Settings, folder: Path) -> Plan:
    """Makes the plan of a comparison and writes it to its folder.

    Args:
        recipes: the variants; a recipe given twice becomes two variants.
        settings: the settings of the comparison.
        folder: folder of the comparison.

    Returns:
        The plan: all variants, and their controls without those that another method already covers.

    Raises:
        UserError: if there is nothing to compare, or variants differ in one of the keys in SHARED.
    """
    recipes = list(recipes)
    if not recipes:
        raise UserError(
            "RECIPES: no recipe given; expected one or more files or names; `textgan list recipes` shows them"
        )
    variants = {name: _shorter(recipe, settings.shorter) for name, recipe in _named(recipes).items()}
    _check_shared(variants)
    methods, by_name = _methods(variants, settings.best_of)
    if len(methods) < 2:
        raise UserError(
            f"RECIPES={methods[0].name}: no adversarial phase and so no controls to compare it with; expected "
            "such a phase or a second recipe; add a recipe"
        )
    trained = {method.name: by_name[method.name] for method in methods if not method.best_of}
    budgeted = {method.name: method.after if settings.budget else () for method in methods}
    plan = Plan(folder, methods, settings, origins(trained, budgeted))
    for name, recipe in by_name.items():
        target = folder / "recipes" / f"{_file(name)}.yaml"
        target.parent.mkdir(parents=True, exist_ok=True)
        write_text(target, recipe.yaml())
    content = {"methods": [asdict(m) for m in methods], "settings": asdict(settings), "origins": plan.origins}
    write_text(folder / FILE, json.dumps(content, indent=2) + "\n")
    return plan


def read(folder: Path) -> Plan:
    """Reads the plan of a comparison from its folder.

    Raises:
        UserError: if the folder contains no comparison.
    """
    if not (folder / FILE).is_file():
        raise UserError(
            f"DIR={folder}: not a comparison; expected a folder that contains {FILE}; "
            "start one with `textgan compare RECIPE RECIPE`"
        )
    content = read_json(folder / FILE)
    methods = [Method(**fields) for fields in content["methods"]]
    return Plan(folder, methods, Settings(**content["settings"]), content["origins"])


def _methods(variants: Mapping[str, Recipe], best_of: int) -> tuple[list[Method], dict[str, Recipe]]:
    """Lists the variants and their controls, without controls that another method already covers.

    Returns:
        The methods in order, and name -> recipe.
    """
    methods: list[Method] = []
    recipes: dict[str, Recipe] = {}

    def add(recipe: Recipe, *fields: Any, **more: Any) -> None:
        methods.append(Method(recipe.name, f"{_file(recipe.name)}.yaml", *fields, **more))
        recipes[recipe.name] = recipe

    for name, variant in variants.items():
        own = {control: variant.changed(f"{name}: {control}", changes) for control, changes in controls(variant)}
        start, constant = (
            equivalent(own[control], recipes) or f"{name}: {control}" if control in own else ""
            for control in ("start", "constant")
        )
        after = phases_after_start(variant)
        add(variant.without_controls(), name, start=start, constant=constant, after=after)
        for control, recipe in own.items():
            if not equivalent(recipe, recipes):
                add(recipe, name, control, start, after=[phase for phase in recipe.filled["phases"] if phase in after])
        best = _best_of(variant, f"{name}: best of {best_of}", best_of) if start else None
        if best is not None:
            add(best, name, "best of", start, best_of=True)
    return methods, recipes


def _named(recipes: Iterable[Recipe]) -> dict[str, Recipe]:
    """Gives each recipe a unique name: a number is appended to names that occur again."""
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


def _check_shared(variants: Mapping[str, Recipe]) -> None:
    """Checks that all variants agree in the keys in SHARED. Raises UserError."""
    (first, one), *others = variants.items()
    for name, other in others:
        for key in SHARED:
            expected, value = one.filled[key], other.filled[key]
            if expected != value:
                setting = f"{key}.name" if isinstance(expected, dict) else key
                raise UserError(
                    f"{setting}: {first} and {name} differ in {key} ({_short(expected)}; {_short(value)}), so their "
                    f"metrics are not comparable; expected the same value in all recipes; add {setting}=... to the "
                    f"command"
                )


def _short(value: Any) -> str:
    return ", ".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, dict) else str(value)


def _best_of(recipe: Recipe, name: str, count: int) -> Recipe | None:
    """Returns the recipe with best-of-n decoding by its discriminator, or None if that cannot score whole samples."""
    try:
        return recipe.changed(name, {"decoding": {"name": "best_of", "n": count}})
    except RecipeError:
        return None


def _file(name: str) -> str:
    """Turns a name into a file name: letters, digits and dashes; two dashes precede the name of a control."""
    parts = ("".join(c if c.isalnum() or c in "._" else " " for c in part).split() for part in name.split(": "))
    return "--".join("-".join(words) for words in parts)

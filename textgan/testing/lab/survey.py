"""Which estimators are tried on which problems, with which options, and what is said of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from textgan.core import registry, spec
from textgan.runs.builder import make
from textgan.core.errors import UserError
from textgan.recipe.values import problem as wrong_value
from textgan.core.registry import Component, suggest
from textgan.core.roles import Estimator
from textgan.core.spec import Spec
from textgan.testing.gradient_problems import Measured, Problem, fits, measure, problems

OWN = frozenset({"generator", "vocab", "max_len"})
"""What the laboratory can give to an estimator."""


@dataclass(frozen=True)
class Setting:
    """The size of the laboratory.

    Args:
        words, length: V and T of the problems.
        rows, repeats: sequences a batch, and batches.
        seed: of the draws; the problems themselves are fixed.
    """

    words: int = 3
    length: int = 4
    rows: int = 1000
    repeats: int = 40
    seed: int = 0


@dataclass(frozen=True)
class Row:
    """An estimator on a problem.

    Args:
        name, provider: the estimator's, and who brings it.
        options: those that were set; the others are at their defaults.
        claims: whether it declares to be unbiased, which it does for its default options.
        measured: what came of it; None if it was not tried, and `note` says why.
    """

    name: str
    provider: str
    claims: bool
    measured: Measured | None
    options: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""

    @property
    def failed(self) -> bool:
        """Whether it promises what it does not keep, or points away from the true gradient."""
        found = self.measured
        return found is not None and ((self.claims and found.biased) or not found.cosine > 0)

    @property
    def verdict(self) -> str:
        if self.measured is None:
            return self.note
        if not self.measured.cosine > 0:
            return "FAIL: points elsewhere"
        if self.claims:
            return "FAIL: declares unbiased, is biased" if self.failed else "unbiased, as declared"
        return "biased" if self.measured.biased else "no bias found"


def survey(setting: Setting, names: Sequence[str] = (), options: Mapping[str, Any] | None = None) -> Iterator[Row]:
    """Every estimator, or those that are named, on every problem that it can be tried on.

    Raises:
        UserError: for a name or an option that does not exist, a value that does not fit, or too large a problem.
    """
    options = options or {}
    chosen = [registry.find("estimator", name) for name in names] or registry.components("estimator")
    worlds = _worlds(setting)
    for component in chosen:
        known = spec.read(component)
        _check(known, options)
        yield from _rows(component, known, options, worlds, setting)


def sweep(setting: Setting, names: Sequence[str] = ()) -> Iterator[Row]:
    """Every estimator that declares `sweeps`, over those values, on the first problem that it can be tried on."""
    chosen = [registry.find("estimator", name) for name in names] or registry.components("estimator")
    worlds = _worlds(setting)
    for component in chosen:
        known = spec.read(component)
        traits = SimpleNamespace(**known.traits)
        fitting = [problem for problem in worlds if fits(traits, problem)][:1]
        for option, values in known.traits.get("sweep_values", {}).items():
            for value in values:
                yield from _rows(component, known, {option: value}, fitting, setting)


def _worlds(setting: Setting) -> list[Problem]:
    try:
        return list(problems(setting.words, setting.length))
    except ValueError as error:
        raise UserError(f"{error}; take fewer with --words and --length") from error


def _check(known: Spec, options: Mapping[str, Any]) -> None:
    name = known.component.name
    for option, value in options.items():
        if option not in known.options:
            raise UserError(f'{name} has no option "{option}"{suggest(option, known.options)}')
        wrong = wrong_value(value, known.options[option].type)
        if wrong:
            raise UserError(f"{name}, option {option}: {wrong}")


def _rows(
    component: Component, known: Spec, options: Mapping[str, Any], worlds: Sequence[Problem], setting: Setting
) -> Iterator[Row]:
    provider = f"{component.provider} {component.version}".strip()
    claims = bool(known.traits.get("unbiased")) and not options
    lacking = sorted(known.shared - OWN)
    fitting = [problem for problem in worlds if fits(SimpleNamespace(**known.traits), problem)]
    if lacking or not fitting:
        note = f"not tried: it asks for the {lacking[0]}" if lacking else "not tried: it fits none of the problems"
        yield Row(component.name, provider, claims, None, options, note)
        return
    block = {"name": component.name} | _filled(known) | dict(options)
    for problem in fitting:

        def build(world: Problem) -> Estimator:
            shared = {"generator": world.generator, "vocab": world.vocab, "max_len": world.length}
            return make("estimator", block, shared)  # type: ignore[no-any-return]

        found = measure(build, problem, setting.rows, setting.repeats, setting.seed)
        yield Row(component.name, provider, claims, found, options)


def _filled(known: Spec) -> dict[str, Any]:
    """The defaults of all options; UserError for one that has none."""
    without = [name for name, option in known.options.items() if option.default is spec.MISSING]
    if without:
        raise UserError(f"{known.component.name} needs {without[0]}; give it as {without[0]}=VALUE, and its name")
    return {name: option.default for name, option in known.options.items()}

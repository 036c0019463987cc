"""Runs estimators on the problems of the laboratory, and says whether each keeps its promises."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from textgan.core import registry, spec
from textgan.core.errors import UserError
from textgan.core.registry import Component, suggest
from textgan.core.roles import Estimator
from textgan.core.spec import Spec
from textgan.recipe.values import problem as wrong_value
from textgan.runs.builder import make
from textgan.testing.gradient_problems import Measured, Problem, fits, measure, problems

AVAILABLE = frozenset({"generator", "vocab", "max_len"})
"""The shared objects that the laboratory has for an estimator."""


@dataclass(frozen=True)
class Setting:
    """Sets the size of the laboratory.

    Args:
        vocab_size: V of the problems.
        length: T of the problems.
        rows: sequences in a batch.
        repeats: number of batches.
        seed: of the samples; the problems themselves are fixed.
    """

    vocab_size: int = 3
    length: int = 4
    rows: int = 1000
    repeats: int = 40
    seed: int = 0


@dataclass(frozen=True)
class Row:
    """Holds the result of one estimator on one problem.

    Args:
        name: name of the estimator.
        provider: the distribution or file that provides it, with its version.
        declares_unbiased: whether it declares to be unbiased; with options set, it is not held to that.
        measured: the numbers; None if it was not run, and `note` says why.
        options: those that were set; all others have their defaults.
        note: why it was not run.
    """

    name: str
    provider: str
    declares_unbiased: bool
    measured: Measured | None
    options: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""

    @property
    def failed(self) -> bool:
        """Whether it is biased although it declares `unbiased`, or points away from the exact gradient."""
        found = self.measured
        return found is not None and ((self.declares_unbiased and found.biased) or not found.cosine > 0)

    @property
    def verdict(self) -> str:
        """The conclusion in a few words."""
        if self.measured is None:
            return self.note
        if not self.measured.cosine > 0:
            return "FAIL: points away from g"
        if self.declares_unbiased:
            return "FAIL: declares unbiased, is biased" if self.failed else "unbiased, as declared"
        return "biased" if self.measured.biased else "no bias found"


def survey(setting: Setting, names: Sequence[str] = (), options: Mapping[str, Any] | None = None) -> Iterator[Row]:
    """Runs estimators on every problem that they fit.

    Args:
        setting: the size of the laboratory.
        names: names of estimators; default all that are registered.
        options: options for them.

    Raises:
        UserError: if a name or an option does not exist, a value is invalid, or a problem is too large.
    """
    options = options or {}
    chosen = [registry.find("estimator", name) for name in names] or registry.components("estimator")
    available = _problems(setting)
    for component in chosen:
        known = spec.read(component)
        _check(known, options)
        yield from _rows(component, known, options, available, setting)


def sweep(setting: Setting, names: Sequence[str] = ()) -> Iterator[Row]:
    """Runs estimators with each of their `sweep_values`, on the first problem that they fit.

    Args:
        setting: the size of the laboratory.
        names: names of estimators; default all that are registered. Those without `sweep_values` give no rows.

    Raises:
        UserError: if a name does not exist, or a problem is too large.
    """
    chosen = [registry.find("estimator", name) for name in names] or registry.components("estimator")
    available = _problems(setting)
    for component in chosen:
        known = spec.read(component)
        traits = SimpleNamespace(**known.traits)
        fitting = [problem for problem in available if fits(traits, problem)][:1]
        for option, values in known.traits.get("sweep_values", {}).items():
            for value in values:
                yield from _rows(component, known, {option: value}, fitting, setting)


def _problems(setting: Setting) -> list[Problem]:
    try:
        return list(problems(setting.vocab_size, setting.length))
    except ValueError as error:
        raise UserError(
            f"{error}; expected at most 50,000 sequences; use a smaller --vocab-size or --length"
        ) from error


def _check(known: Spec, options: Mapping[str, Any]) -> None:
    """Raises UserError if an option does not exist or has an invalid value."""
    name = known.component.name
    for option, value in options.items():
        if option not in known.options:
            raise UserError(
                f'{option}={value}: {name} has no option "{option}"{suggest(option, known.options)}; '
                f"expected {' or '.join(known.options) or 'no options'}; change its name"
            )
        wrong = wrong_value(value, known.options[option].type)
        if wrong:
            raise UserError(f"{option}={value}: invalid for {name}; {wrong}; change the value")


def _rows(
    component: Component, known: Spec, options: Mapping[str, Any], available: Sequence[Problem], setting: Setting
) -> Iterator[Row]:
    """Runs one estimator on all problems that it fits; yields one row that says why if there are none."""
    provider = f"{component.provider} {component.version}".strip()
    declares_unbiased = bool(known.traits.get("unbiased")) and not options
    missing = sorted(known.shared - AVAILABLE)
    fitting = [problem for problem in available if fits(SimpleNamespace(**known.traits), problem)]
    if missing or not fitting:
        note = f"not run: needs the {missing[0]}" if missing else "not run: fits none of the problems"
        yield Row(component.name, provider, declares_unbiased, None, options, note)
        return
    block = {"name": component.name} | _fill(known, options)
    for problem in fitting:

        def build(chosen: Problem) -> Estimator:
            shared = {"generator": chosen.generator, "vocab": chosen.vocab, "max_len": chosen.length}
            return make("estimator", block, shared)  # type: ignore[no-any-return]

        measured = measure(build, problem, setting.rows, setting.repeats, setting.seed)
        yield Row(component.name, provider, declares_unbiased, measured, options)


def _fill(known: Spec, options: Mapping[str, Any]) -> dict[str, Any]:
    """Adds the defaults to the options that were set. Raises UserError if an option is not set and has no default."""
    filled = {name: option.default for name, option in known.options.items()} | dict(options)
    required = [name for name, value in filled.items() if value is spec.MISSING]
    if required:
        raise UserError(
            f"{known.component.name}: option {required[0]} has no default; expected a value; "
            f"add {required[0]}=VALUE after the estimator's name"
        )
    return filled

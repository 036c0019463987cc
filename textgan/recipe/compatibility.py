"""Decides which components can work together, from what they declare. It knows no component by name.

A combination that would run without a meaningful result is rejected like one that cannot run.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import combinations
from typing import NamedTuple

from textgan.core import registry, spec
from textgan.core.errors import UserError
from textgan.core.spec import Spec

Specs = Mapping[str, Spec]
"""Kind -> the spec of the component that a recipe names; a kind is absent if the recipe has no such block."""
Changes = dict[str, str | None]
"""Kind -> the component to use instead, or None to leave the block out."""

REPLACEABLE = ("generator", "discriminator", "estimator")
"""Kinds of which another component may be suggested for any problem; of other kinds only for their own problems."""
REMOVABLE = ("tokenizer", "blanks")
"""Kinds that a recipe may be advised to leave out, for their own problems."""


class Incompatibility(NamedTuple):
    """A block whose component does not fit the others, and the reason as a sentence without a fix."""

    block: str
    text: str


def incompatibilities(specs: Specs) -> Iterator[Incompatibility]:
    """Yields what does not fit together, one reason for each block.

    The rules are ordered from principles to details: what a later rule says of the same block is a consequence.
    """
    reported: set[str] = set()
    for rule in (_tokenizer, _blanks, _mode, _path_reward, _requirements, _granularity, _space):
        for found in rule(specs):
            if found.block not in reported:
                reported.add(found.block)
                yield found


def repairs(specs: Specs, block: str) -> Iterator[Changes]:
    """Yields the smallest changes after which `block` fits and no other block has become incompatible.

    These are replacements of one component or, if there is none, of two. Only declarations are compared; whether a
    recipe also needs other options, turns or optimizers is left to the caller.
    """
    allowed = {found.block for found in incompatibilities(specs)} - {block}
    kinds = dict.fromkeys((block, *REPLACEABLE))
    choices = [(kind, name) for kind in kinds for name in _alternatives(specs, kind)]
    for size in (1, 2):
        changes = [dict(chosen) for chosen in combinations(choices, size)]
        found = [each for each in changes if len(each) == size and _fits(specs, each, allowed)]
        yield from found
        if found:
            return


def fitting(specs: Specs, kind: str, added: Collection[str]) -> list[str]:
    """Returns the names of the components of a kind that could be added to a recipe.

    These fit its other components and need no blocks that it lacks; if there are none, all of the kind.

    Args:
        specs: the components of the recipe, none of this kind.
        kind: the kind to add.
        added: kinds that are added together with it.
    """
    allowed = {found.block for found in incompatibilities(specs)}
    absent = {*REPLACEABLE, "loss", "reward"} - specs.keys() - set(added)
    registered = list(_registered(kind))
    names = [_name(known) for known in registered if not (known.shared - known.optional_shared) & absent]
    return [name for name in names if _fits(specs, {kind: name}, allowed)] or names or list(map(_name, registered))


def missing(asking: Spec, giving: Spec, trait: str = "requires") -> Iterator[str]:
    """Yields a sentence for each capability that one component requires and the other does not offer."""
    kind = giving.component.kind
    for capability in sorted(asking.traits[trait] - giving.traits["capabilities"]):
        yield f'"{_name(asking)}" needs a {kind} that offers {capability}; "{_name(giving)}" does not'


def offering(kind: str, capability: str) -> str:
    """Returns '; expected one such as lstm', naming the components of a kind that offer a capability, or ''."""
    names = [s.component.name for s in _registered(kind) if capability in s.traits.get("capabilities", ())]
    return f"; expected one such as {' or '.join(names)}" if names else ""


def _tokenizer(specs: Specs) -> Iterator[Incompatibility]:
    data = specs.get("data")
    if data and "tokenizer" in specs and data.traits.get("output_type") == "ids":
        yield Incompatibility("tokenizer", f'data "{_name(data)}" provides ids, which need no tokenizer')


def _blanks(specs: Specs) -> Iterator[Incompatibility]:
    blanks, generator = specs.get("blanks"), specs.get("generator")
    if blanks and generator and "noise" in generator.traits["capabilities"]:
        yield Incompatibility(
            "blanks",
            f'"{_name(blanks)}" gives the generator tokens to keep; generator "{_name(generator)}" generates whole '
            "sentences from noise and cannot keep any",
        )


def _mode(specs: Specs) -> Iterator[Incompatibility]:
    generator, estimator = specs.get("generator"), specs.get("estimator")
    if generator and estimator and estimator.traits["mode"] not in generator.traits["sample_space"]:
        yield Incompatibility(
            "estimator",
            f'"{_name(estimator)}" trains by {estimator.traits["mode"]} gradients, which generator '
            f'"{_name(generator)}" does not allow',
        )


def _path_reward(specs: Specs) -> Iterator[Incompatibility]:
    estimator, reward = specs.get("estimator"), specs.get("reward")
    if estimator and reward and estimator.traits["mode"] == "path" and not reward.traits["differentiable"]:
        yield Incompatibility(
            "reward", f'"{_name(reward)}" has no gradient, which estimator "{_name(estimator)}" follows'
        )


def _requirements(specs: Specs) -> Iterator[Incompatibility]:
    for asking, giving, trait in (
        ("loss", "discriminator", "requires"),
        ("loss", "generator", "requires_generator"),
        ("estimator", "generator", "requires"),
        ("decoding", "generator", "requires"),
    ):
        if asking in specs and giving in specs:
            yield from (Incompatibility(asking, text) for text in missing(specs[asking], specs[giving], trait))


def _granularity(specs: Specs) -> Iterator[Incompatibility]:
    estimator, reward = specs.get("estimator"), specs.get("reward")
    if not estimator or not reward:
        return
    scored_by = specs["discriminator"] if "discriminator" in reward.shared and "discriminator" in specs else reward
    granularity = scored_by.traits["granularity"]
    if granularity not in estimator.traits["reward_granularity"]:
        yield Incompatibility(
            "estimator",
            f'"{_name(estimator)}" cannot use a reward for each {granularity}, which "{_name(scored_by)}" gives',
        )


def _space(specs: Specs) -> Iterator[Incompatibility]:
    generator, estimator = specs.get("generator"), specs.get("estimator")
    if not generator or not estimator:
        return
    space = generator.traits["sample_space"].get(estimator.traits["mode"])
    for kind in ("discriminator", "loss", "reward"):
        reader = specs.get(kind)
        if space and reader and space not in reader.traits["input_spaces"]:
            yield Incompatibility(
                kind,
                f'"{_name(reader)}" cannot read {space}, which generator "{_name(generator)}" produces for estimator '
                f'"{_name(estimator)}"',
            )
    discriminator = specs.get("discriminator")
    if discriminator and space == "simplex" and "ids" not in discriminator.traits["input_spaces"]:
        yield Incompatibility(
            "discriminator", f'"{_name(discriminator)}" reads the simplex, but not ids, which are its corners'
        )


def _name(component: Spec) -> str:
    return component.component.name


def _registered(kind: str) -> Iterator[Spec]:
    """Yields the specs of a kind's components; those that cannot be read are left out."""
    for component in registry.components(kind):
        try:
            yield spec.read(component)
        except UserError:
            continue


def _alternatives(specs: Specs, kind: str) -> list[str | None]:
    if kind not in specs:
        return []
    if kind in REMOVABLE:
        return [None]
    return [_name(other) for other in _registered(kind) if _name(other) != _name(specs[kind])]


def _fits(specs: Specs, changes: Changes, allowed: set[str]) -> bool:
    """Whether a change leaves no incompatible blocks but the allowed ones."""
    changed = {kind: known for kind, known in specs.items() if kind not in changes}
    changed |= {kind: spec.read(registry.find(kind, name)) for kind, name in changes.items() if name is not None}
    try:
        return {found.block for found in incompatibilities(changed)} <= allowed
    except KeyError:  # a component of another package that declares too little
        return False

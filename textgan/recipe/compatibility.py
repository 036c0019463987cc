"""Which components can work together, in terms of what they declare. No component's name stands here.

Each rule yields (block, sentence). A combination that would run and mean nothing is refused like one that cannot run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from textgan.core import registry, spec
from textgan.core.errors import UserError
from textgan.core.spec import Spec

Specs = Mapping[str, Spec]
"""Kind -> what is known of the component that plays it; absent where the recipe has none."""
Incompatibility = tuple[str, str]


def incompatibilities(specs: Specs) -> Iterator[Incompatibility]:
    """Everything that does not fit together."""
    for rule in (_tokenizer, _blanks, _mode, _space, _offers, _credit, _path_reward):
        yield from rule(specs)


def _tokenizer(specs: Specs) -> Iterator[Incompatibility]:
    data = specs.get("data")
    if data and "tokenizer" in specs and data.traits.get("output_type") == "ids":
        yield "tokenizer", f'data "{_name(data)}" gives ready ids; leave the tokenizer out'


def _blanks(specs: Specs) -> Iterator[Incompatibility]:
    blanks, generator = specs.get("blanks"), specs.get("generator")
    if blanks and generator and "noise" in generator.traits["capabilities"]:
        others = _having("generator", lambda s: "noise" not in s.traits["capabilities"])
        yield (
            "blanks",
            f'"{_name(blanks)}" gives words that are to be kept; generator "{_name(generator)}" makes whole sentences '
            f"from noise and cannot keep any{others}",
        )


def _mode(specs: Specs) -> Iterator[Incompatibility]:
    generator, estimator = specs.get("generator"), specs.get("estimator")
    if generator and estimator:
        mode = estimator.traits["mode"]
        if mode not in generator.traits["sample_space"]:
            others = _having("generator", lambda s: mode in s.traits["sample_space"])
            yield (
                "estimator",
                f'"{_name(estimator)}" trains by {mode} gradients, which generator "{_name(generator)}" '
                f"does not allow{others}",
            )


def _space(specs: Specs) -> Iterator[Incompatibility]:
    generator, estimator = specs.get("generator"), specs.get("estimator")
    if not generator or not estimator:
        return
    space = generator.traits["sample_space"].get(estimator.traits["mode"])
    for kind in ("discriminator", "loss", "reward"):
        reader = specs.get(kind)
        if space and reader and space not in reader.traits["input_spaces"]:
            others = _having(kind, lambda s: space in s.traits["input_spaces"])
            yield kind, f'"{_name(reader)}" cannot read {space}, which "{_name(generator)}" makes here{others}'
    judge = specs.get("discriminator")
    if judge and space == "simplex" and "ids" not in judge.traits["input_spaces"]:
        yield "discriminator", f'"{_name(judge)}" reads the simplex, but not ids, which are its corners'


def _offers(specs: Specs) -> Iterator[Incompatibility]:
    for needy, giver, trait in (
        ("loss", "discriminator", "requires"),
        ("loss", "generator", "requires_generator"),
        ("estimator", "generator", "requires"),
        ("decoding", "generator", "requires"),
    ):
        asks, gives = specs.get(needy), specs.get(giver)
        if asks and gives:
            yield from ((needy, text) for text in lacking(asks, gives, trait))


def lacking(asks: Spec, gives: Spec, trait: str = "requires") -> Iterator[str]:
    """What one component needs and another does not offer, a sentence each."""
    giver = gives.component.kind
    for thing in sorted(asks.traits[trait] - gives.traits["capabilities"]):
        others = _having(giver, lambda s, thing=thing: thing in s.traits["capabilities"])  # type: ignore[misc]
        yield f'"{_name(asks)}" needs a {giver} that offers {thing}; "{_name(gives)}" does not{others}'


def _credit(specs: Specs) -> Iterator[Incompatibility]:
    estimator, reward = specs.get("estimator"), specs.get("reward")
    if not estimator or not reward:
        return
    judge = specs["discriminator"] if "discriminator" in reward.shared and "discriminator" in specs else reward
    judges = judge.traits["granularity"]
    if judges not in estimator.traits["reward_granularity"]:
        others = _having("estimator", lambda s: judges in s.traits["reward_granularity"])
        yield (
            "estimator",
            f'"{_name(estimator)}" cannot use a verdict for each {judges}, which "{_name(judge)}" gives{others}',
        )


def _path_reward(specs: Specs) -> Iterator[Incompatibility]:
    estimator, reward = specs.get("estimator"), specs.get("reward")
    if estimator and reward and estimator.traits["mode"] == "path" and not reward.traits["differentiable"]:
        yield "reward", f'"{_name(reward)}" has no gradient, which estimator "{_name(estimator)}" follows'


def _name(component: Spec) -> str:
    return component.component.name


def offering(kind: str, thing: str) -> str:
    """' (lstm would do)', naming the registered components of a kind that offer something."""
    return _having(kind, lambda s: thing in s.traits["capabilities"])


def _having(kind: str, test: Callable[[Spec], bool]) -> str:
    """' (lstm does)', naming the registered components that would do."""
    fitting = []
    for component in registry.components(kind):
        try:
            if test(spec.read(component)):
                fitting.append(component.name)
        except (UserError, KeyError):
            continue
    return f" ({', '.join(fitting)} would do)" if fitting else ""

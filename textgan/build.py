"""A checked recipe -> the objects of a run. Components are imported here and nowhere before."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from textgan import devices, registry, spec
from textgan.data.batches import Batches
from textgan.data.corpus import Corpus, build_corpus
from textgan.data.tokenizer import Tokenizer
from textgan.errors import UserError
from textgan.recipe import Recipe
from textgan.roles import Blanks, Decoding, Generator, Metric, Source
from textgan.seeds import derive, stream
from textgan.training import Callback, Mover, Phase, Turn

PLAYERS = ("generator", "discriminator", "loss", "estimator", "reward", "decoding")


@dataclass
class Run:
    """Everything that one recipe becomes.

    Args:
        recipe: what it was built from.
        device: where the players are.
        corpus: on the CPU.
        batches: training batches, on the device; `batches.index` is the place in the data.
        shared: the players by name; those that are modules are in `modules` as well.
        optimizers: (optimizer's name, player) -> optimizer.
        phases, metrics, callbacks: as the recipe lists them.
    """

    recipe: Recipe
    device: torch.device
    corpus: Corpus
    batches: Batches
    shared: dict[str, Any]
    optimizers: dict[tuple[str, str], torch.optim.Optimizer] = field(default_factory=dict)
    phases: list[Phase] = field(default_factory=list)
    metrics: Sequence[Metric] = ()
    callbacks: Sequence[Callback] = ()

    @property
    def seed(self) -> int:
        return int(self.recipe.filled["seed"])

    @property
    def generator(self) -> Generator:
        return self.shared["generator"]  # type: ignore[no-any-return]

    @property
    def decoding(self) -> Decoding:
        return self.shared["decoding"]  # type: ignore[no-any-return]

    @property
    def modules(self) -> Mapping[str, nn.Module]:
        """The players that have, or may have, parameters."""
        return {name: self.shared[name] for name in PLAYERS if isinstance(self.shared.get(name), nn.Module)}


def make(kind: str, block: Mapping[str, Any], shared: Mapping[str, Any], **fixed: Any) -> Any:
    """Builds one component from its filled block and the shared objects that it asks for."""
    known = spec.read(registry.find(kind, block["name"]))
    options = {key: value for key, value in block.items() if key in known.options}
    asked = {key: shared[key] for key in known.shared if key in shared}
    try:
        return known.component.load()(**options, **asked, **fixed)
    except (ValueError, NotImplementedError) as error:
        raise UserError(f'{kind} "{block["name"]}": {error}') from error


def prepare(recipe: Recipe) -> Corpus:
    """The recipe's data, read and encoded."""
    filled = recipe.filled
    source: Source = make("data", filled["data"], {})
    block = filled["tokenizer"]
    fit: Callable[[Sequence[str]], Tokenizer] | None = None
    if block is not None:

        def fit(texts: Sequence[str]) -> Tokenizer:
            return make("tokenizer", block, {"texts": texts})  # type: ignore[no-any-return]

    return build_corpus(source, fit, filled["max_len"], derive(filled["seed"], "data"))


def of_corpus(corpus: Corpus) -> dict[str, Any]:
    """The shared objects that exist as soon as there is data."""
    return {"corpus": corpus, "tokenizer": corpus.tokenizer, "vocab": corpus.vocab, "max_len": corpus.max_len}


def build(recipe: Recipe, corpus: Corpus | None = None) -> Run:
    """All objects of a run, parameters at their start. `corpus` is the recipe's data, if it was prepared before."""
    filled = recipe.filled
    devices.prepare()
    device = device_of(filled["device"])
    corpus = corpus or prepare(recipe)
    seed = filled["seed"]
    shared = of_corpus(corpus)
    for kind in PLAYERS:
        if filled[kind] is not None:
            with stream(seed, "init", kind):
                player = make(kind, filled[kind], shared)
            shared[kind] = player.to(device).eval() if isinstance(player, nn.Module) else player
    blanks: Blanks | None = make("blanks", filled["blanks"], shared) if filled["blanks"] else None
    batches = Batches(corpus.train.batch.to(device), filled["batch_size"], derive(seed, "batches"), blanks)
    run = Run(recipe, device, corpus, batches, shared)
    everything = [p for module in run.modules.values() for p in module.parameters() if p.requires_grad]
    run.phases = [
        Phase(name, phase["steps"], [_turn(turn, run, everything) for turn in phase["turns"]])
        for name, phase in filled["phases"].items()
    ]
    run.metrics = [make("metric", block, shared) for block in filled["evaluate"]["metrics"]]
    run.callbacks = [make("callback", block, shared) for block in filled["callbacks"]]
    return run


def device_of(name: str) -> torch.device:
    """The device of that name. Raises UserError if it is not to be had."""
    try:
        return devices.choose(name)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(f'device "{name}" is not to be had here ({reason}); use device=auto or device=cpu') from error


def _turn(turn: Mapping[str, Any], run: Run, everything: Sequence[nn.Parameter]) -> Turn:
    objective = make("objective", {"name": turn["objective"], **turn}, run.shared)
    movers = [_mover(player, optimizer, run) for player, optimizer in turn["updates"].items()]
    moved = {id(p) for mover in movers for p in mover.parameters}
    resting = [p for p in everything if id(p) not in moved]
    return Turn(objective, movers, resting, turn["times"], turn["every"])


def _mover(player: str, name: str, run: Run) -> Mover:
    """A player's optimizer: one for each (optimizer, player) pair, whatever turns share it."""
    root, _, inside = player.partition(".")
    try:
        module = run.modules[root].get_submodule(inside)
    except (KeyError, AttributeError) as error:
        raise UserError(f'phases: there is no part "{player}" to update: {error}') from error
    parameters = [p for p in module.parameters() if p.requires_grad]
    if not parameters:
        raise UserError(f'phases: "{player}" has no parameters to update; leave it out of updates')
    block = run.recipe.filled["optimizers"][name]
    if (name, player) not in run.optimizers:
        run.optimizers[name, player] = make("optimizer", block, {"parameters": parameters})
    return Mover(module, parameters, run.optimizers[name, player], block["clip"])


def common_phases(one: Recipe, other: Recipe) -> int:
    """How many phases from the start two recipes run alike, so that one can begin at the other's checkpoint."""
    ground = ("seed", "device", "batch_size", "max_len", "data", "blanks", "tokenizer")
    same = {key: one.filled[key] == other.filled[key] for key in (*ground, *PLAYERS, "callbacks")}
    if not all(same[key] for key in (*ground, "callbacks")):
        return 0
    count = 0
    pairs = zip(one.filled["phases"].items(), other.filled["phases"].items(), strict=False)
    for (name, mine), (theirs_name, theirs) in pairs:
        alike = name == theirs_name and mine["steps"] == theirs["steps"] and mine["turns"] == theirs["turns"]
        if not alike or not all(same[block] and _same_optimizers(mine, one, other) for block in _uses(mine, one)):
            break
        count += 1
    return count


def _same_optimizers(phase: Mapping[str, Any], one: Recipe, other: Recipe) -> bool:
    names = {name for turn in phase["turns"] for name in turn["updates"].values()}
    return all(one.filled["optimizers"][n] == other.filled["optimizers"].get(n) for n in names)


def _uses(phase: Mapping[str, Any], recipe: Recipe) -> Iterator[str]:
    """The blocks that a phase depends on, through its objectives and what these ask for in turn."""
    asked = [("objective", turn["objective"]) for turn in phase["turns"]]
    seen: set[str] = set()
    while asked:
        kind, name = asked.pop()
        for block in spec.read(registry.find(kind, name)).shared & set(PLAYERS) - seen:
            seen.add(block)
            yield block
            if recipe.filled[block] is not None:
                asked.append((block, recipe.filled[block]["name"]))

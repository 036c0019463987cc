"""Builds the objects of a run from a checked recipe. Components are imported here, not earlier."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from textgan.core import registry, spec
from textgan.core.errors import UserError
from textgan.core.roles import Decoding, Generator
from textgan.core.seeding import derive, stream
from textgan.data.batches import Batches
from textgan.data.corpus import Corpus, build_corpus
from textgan.data.interfaces import Blanks, Source
from textgan.data.tokenizers.base import Tokenizer
from textgan.metrics.base import Metric
from textgan.recipe import Recipe
from textgan.training.callbacks.base import Callback
from textgan.training.engine import prepare_process, select_device
from textgan.training.loop import ParameterUpdate, Phase, Turn

PLAYERS = ("generator", "discriminator", "loss", "estimator", "reward", "decoding")


@dataclass
class Run:
    """Holds the objects of a run.

    Args:
        recipe: the recipe that it was built from.
        device: where the players are.
        corpus: on the CPU.
        batches: training batches, on the device; `batches.index` is the position in the data.
        shared: shared objects by name, the players among them.
        optimizers: (optimizer's name, player) -> optimizer.
        phases: in the order of the recipe.
        metrics: in the order of the recipe.
        callbacks: in the order of the recipe.
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
        """The players that are modules, by name."""
        return {name: self.shared[name] for name in PLAYERS if isinstance(self.shared.get(name), nn.Module)}


def make(kind: str, block: Mapping[str, Any], shared: Mapping[str, Any], **fixed: Any) -> Any:
    """Builds one component.

    Args:
        kind: such as "generator"; see `textgan.core.registry.KINDS`.
        block: its name and options, filled with defaults; other keys are ignored.
        shared: objects of the run; the component receives those that its constructor has arguments for.
        fixed: further arguments.

    Raises:
        UserError: if the component refuses its options.
    """
    known = spec.read(registry.find(kind, block["name"]))
    options = {key: value for key, value in block.items() if key in known.options}
    objects = {key: shared[key] for key in known.shared if key in shared}
    try:
        return known.component.load()(**options, **objects, **fixed)
    except (ValueError, NotImplementedError) as error:
        raise UserError(f"{kind}={block['name']}: {error}") from error


def prepare(recipe: Recipe) -> Corpus:
    """Reads and encodes the data of a recipe."""
    filled = recipe.filled
    source: Source = make("data", filled["data"], {})
    block = filled["tokenizer"]
    fit: Callable[[Sequence[str]], Tokenizer] | None = None
    if block is not None:

        def fit(texts: Sequence[str]) -> Tokenizer:
            return make("tokenizer", block, {"texts": texts})  # type: ignore[no-any-return]

    return build_corpus(source, fit, filled["max_len"], derive(filled["seed"], "data"))


def corpus_objects(corpus: Corpus) -> dict[str, Any]:
    """Returns the shared objects that depend on the data alone."""
    return {"corpus": corpus, "tokenizer": corpus.tokenizer, "vocab": corpus.vocab, "max_len": corpus.max_len}


def build(recipe: Recipe, corpus: Corpus | None = None) -> Run:
    """Builds all objects of a run, with initialised parameters.

    Args:
        recipe: a checked recipe.
        corpus: its data, if `prepare` was called before.

    Raises:
        UserError: if data, device or a component's options are invalid.
    """
    filled = recipe.filled
    prepare_process()
    device = select_device(filled["device"])
    corpus = corpus or prepare(recipe)
    seed = filled["seed"]
    shared = corpus_objects(corpus)
    for kind in PLAYERS:
        if filled[kind] is not None:
            with stream(seed, "init", kind):
                player = make(kind, filled[kind], shared)
            shared[kind] = player.to(device).eval() if isinstance(player, nn.Module) else player
    blanks: Blanks | None = make("blanks", filled["blanks"], shared) if filled["blanks"] else None
    batches = Batches(corpus.train.batch.to(device), filled["batch_size"], derive(seed, "batches"), blanks)
    run = Run(recipe, device, corpus, batches, shared)
    trainable = [p for module in run.modules.values() for p in module.parameters() if p.requires_grad]
    run.phases = [
        Phase(name, phase["rounds"], [_turn(turn, run, trainable) for turn in phase["turns"].values()])
        for name, phase in filled["phases"].items()
    ]
    run.metrics = [make("metric", block, shared) for block in filled["evaluate"]["metrics"]]
    run.callbacks = [make("callback", block, shared) for block in filled["callbacks"]]
    return run


def _turn(turn: Mapping[str, Any], run: Run, trainable: Sequence[nn.Parameter]) -> Turn:
    """Builds one turn; the parameters that it does not update are frozen."""
    objective = make("objective", {"name": turn["objective"], **turn}, run.shared)
    updates = [_parameter_update(player, optimizer, run) for player, optimizer in turn["updates"].items()]
    updated = {id(p) for update in updates for p in update.parameters}
    frozen = [p for p in trainable if id(p) not in updated]
    return Turn(objective, updates, frozen, turn["times"], turn["every"])


def _parameter_update(player: str, name: str, run: Run) -> ParameterUpdate:
    """Builds a player's update. Turns that name the same optimizer and player share one optimizer."""
    root, _, inside = player.partition(".")
    try:
        module = run.modules[root].get_submodule(inside)
    except (KeyError, AttributeError) as error:
        raise UserError(
            f"updates={player}: not found ({error}); expected a player or a part of one, such as generator; "
            "change updates"
        ) from error
    parameters = [p for p in module.parameters() if p.requires_grad]
    if not parameters:
        raise UserError(f"updates={player}: no parameters; expected a player with parameters; leave it out of updates")
    block = run.recipe.filled["optimizers"][name]
    if (name, player) not in run.optimizers:
        run.optimizers[name, player] = make("optimizer", block, {"parameters": parameters})
    return ParameterUpdate(module, parameters, run.optimizers[name, player], block["clip"])


def common_phases(one: Recipe, other: Recipe) -> int:
    """Counts the first phases that two recipes have in common, so that one can start from the other's checkpoint."""
    basis = ("seed", "device", "batch_size", "max_len", "data", "blanks", "tokenizer")
    same = {key: one.filled[key] == other.filled[key] for key in (*basis, *PLAYERS, "callbacks")}
    if not all(same[key] for key in (*basis, "callbacks")):
        return 0
    count = 0
    pairs = zip(one.filled["phases"].items(), other.filled["phases"].items(), strict=False)
    for (name, phase), (other_name, other_phase) in pairs:
        equal = name == other_name and phase["rounds"] == other_phase["rounds"] and _same_turns(phase, other_phase)
        if not equal or not all(same[block] and _same_optimizers(phase, one, other) for block in _uses(phase, one)):
            break
        count += 1
    return count


def _same_turns(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Returns whether two phases play the same turns in the same order, regardless of the turns' names."""
    return list(one["turns"].values()) == list(other["turns"].values())


def _same_optimizers(phase: Mapping[str, Any], one: Recipe, other: Recipe) -> bool:
    """Returns whether both recipes define the optimizers of a phase equally."""
    names = {name for turn in phase["turns"].values() for name in turn["updates"].values()}
    return all(one.filled["optimizers"][n] == other.filled["optimizers"].get(n) for n in names)


def _uses(phase: Mapping[str, Any], recipe: Recipe) -> Iterator[str]:
    """Yields the players that a phase depends on: those of its objectives, and those that these depend on."""
    pending = [("objective", turn["objective"]) for turn in phase["turns"].values()]
    seen: set[str] = set()
    while pending:
        kind, name = pending.pop()
        for block in spec.read(registry.find(kind, name)).shared & set(PLAYERS) - seen:
            seen.add(block)
            yield block
            if recipe.filled[block] is not None:
                pending.append((block, recipe.filled[block]["name"]))

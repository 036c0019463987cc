"""Defines the keys of a recipe that are not components: their types, defaults and meaning."""

from __future__ import annotations

from textgan.core.options import Annotated, Any, Count, Ge, Le, Mapping, NonNegativeFloat, PositiveFloat, PositiveInt
from textgan.core.spec import MISSING, Option


def _option(name: str, annotation: str, kind: Any, default: Any, doc: str) -> Option:
    return Option(name, annotation, kind, default, doc)


def _table(*options: Option) -> dict[str, Option]:
    return {option.name: option for option in options}


BLOCKS = {
    "data": "Where text comes from.",
    "tokenizer": "How text is split; null is `word` for text, and nothing for sources of ready ids.",
    "blanks": "Which tokens of real text the generator is given during training; null is none.",
    "generator": "Generates sequences.",
    "discriminator": "Tells real sequences from generated ones; null if there is none.",
    "loss": "The discriminator's loss and the reward that its scores become.",
    "estimator": "Turns a reward into gradients.",
    "reward": "The generator's reward; null is `adversarial` if there is a discriminator.",
    "decoding": "How text is generated for evaluations; null is `ancestral`.",
}
"""Kind -> its meaning, in the order in which components are built. Each may use those before it."""

DEFAULT_NAMES = {"tokenizer": "word", "reward": "adversarial", "decoding": "ancestral"}
"""Kind -> the component of a block without a name."""
DEFAULT_OPTIMIZER = "adam"
Seed = Annotated[int, Ge(0), Le(2**63 - 1)]

RUN = _table(
    _option("seed", "Seed", Seed, 0, "The seed from which all random numbers of a run are derived."),
    _option("device", "str", str, "auto", "auto, cpu, cuda, cuda:1 or mps. auto uses a GPU if there is one."),
    _option("batch_size", "PositiveInt", PositiveInt, 64, "Sequences in a batch."),
    _option("max_len", "PositiveInt | None", PositiveInt | None, None, "Longest sequence in tokens, without the end; "
            "null is the longest training sequence, at most 128. Longer lines are left out and counted."),
)  # fmt: skip

PHASE = _table(
    _option("rounds", "Count", Count, MISSING, "Rounds; in each, every turn is played in order."),
    _option("turns", "Mapping[str, Any] | list", Mapping[str, Any] | list[Any], MISSING, "Turns by name, each an "
            "objective or a mapping with its options; a list of objectives names each turn after its objective. Turns "
            "are merged key by key, and null removes one."),
    _option("evaluate", "PositiveInt | None", PositiveInt | None, None, "Rounds between evaluations within the phase; "
            "the end of a phase is always evaluated."),
)  # fmt: skip

TURN = _table(
    _option("objective", "str", str, MISSING, "What it minimises; by default the turn's name."),
    _option("times", "PositiveInt", PositiveInt, 1, "How often it is played in a round."),
    _option("every", "PositiveInt", PositiveInt, 1, "It is played in every n-th round, from the first."),
    _option("updates", "list[str] | Mapping[str, str] | None", list[str] | Mapping[str, str] | None, None,
            "Players that it updates, each by the optimizer of its own name, or player: optimizer."),
)  # fmt: skip

OPTIMIZER = _table(
    _option("clip", "PositiveFloat | None", PositiveFloat | None, None, "Largest global norm of the gradient."),
)

EVALUATE = _table(
    _option("samples", "PositiveInt", PositiveInt, 1000, "Sequences to generate for the metrics."),
    _option("metrics", "list | None", list[Any] | None, None, "Metrics; null is every one that the data "
            "allows and that is computed by default."),
    _option("start", "bool", bool, False, "Also evaluate before the first round."),
)  # fmt: skip

CHECKPOINT = _table(
    _option("minutes", "NonNegativeFloat", NonNegativeFloat, 5.0, "Save at least this often, between rounds; "
            "0 saves after every round. The end of each phase is always saved."),
    _option("keep", "PositiveInt", PositiveInt, 2, "Latest checkpoints to keep, beside those that end a phase."),
    _option("best", "str | None", str | None, None, "A metric to choose by, such as nll_validation: the model "
            "saved at the end is that of its best evaluation. Null is the last."),
)  # fmt: skip

LOG = _table(
    _option("every", "PositiveInt", PositiveInt, 10, "Rounds between entries of training statistics."),
    _option(
        "samples", "Count", Count, 8, "Sentences to show and keep at each evaluation, from the same random numbers."
    ),
)

SECTIONS = {"evaluate": EVALUATE, "checkpoint": CHECKPOINT, "log": LOG}
"""Key -> the options of a mapping of settings."""

LISTS = {"callbacks": "callback", "trackers": "tracker"}
"""Key -> the kind of the components in a list."""

KEYS = ("extends", *RUN, *BLOCKS, "optimizers", "phases", *SECTIONS, *LISTS, "controls")
"""All top-level keys of a recipe, in the order in which a filled recipe is written."""

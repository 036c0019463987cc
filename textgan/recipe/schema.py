"""The parts of a recipe that are no component: which keys there are, what they may hold, what they mean."""

from __future__ import annotations

from textgan.options import Any, Count, Mapping, NonNegativeFloat, PositiveFloat, PositiveInt
from textgan.spec import MISSING, Option


def _option(name: str, annotation: str, kind: Any, default: Any, doc: str) -> Option:
    return Option(name, annotation, kind, default, doc)


def _table(*options: Option) -> dict[str, Option]:
    return {option.name: option for option in options}


BLOCKS = {
    "data": "Where text comes from.",
    "tokenizer": "How text is split; null is `word` for text, and nothing for sources of ready ids.",
    "blanks": "Which tokens of real text the generator is shown while it trains; null is none.",
    "generator": "What writes.",
    "discriminator": "What tells real from written, if anything does.",
    "loss": "The rules between the two.",
    "estimator": "How a reward becomes a gradient.",
    "reward": "What the generator is paid; null is the discriminator's `verdict`, where there is one.",
    "decoding": "How text is taken from the generator for evaluations; null is `ancestral`.",
}
"""The recipe's components, in the order in which they are built. Each may use what stands before it."""

USUAL = {"tokenizer": "word", "reward": "verdict", "decoding": "ancestral"}
"""What a block that gives no name means."""
USUAL_OPTIMIZER = "adam"

RUN = _table(
    _option("seed", "Count", Count, 0, "One seed; every source of chance in a run is derived from it."),
    _option("device", "str", str, "auto", "auto, cpu, cuda, cuda:1 or mps. auto takes a GPU if there is one."),
    _option("batch_size", "PositiveInt", PositiveInt, 64, "Sequences in a step."),
    _option("max_len", "PositiveInt | None", PositiveInt | None, None, "Longest sequence in tokens, without the end; "
            "null is the longest training sequence, at most 128. Longer lines are left out and counted."),
)  # fmt: skip

PHASE = _table(
    _option("steps", "Count", Count, MISSING, "Rounds; in each, every turn is played."),
    _option("turns", "list", list[Any], MISSING, "Objectives, by name or with options."),
    _option("evaluate", "PositiveInt | None", PositiveInt | None, None, "Also evaluate every so many rounds; "
            "the end of a phase is always evaluated."),
)  # fmt: skip

TURN = _table(
    _option("objective", "str", str, MISSING, "What it minimises."),
    _option("times", "PositiveInt", PositiveInt, 1, "How often it is played in a round."),
    _option("every", "PositiveInt", PositiveInt, 1, "It is played in every n-th round, from the first."),
    _option("updates", "list[str] | Mapping[str, str] | None", list[str] | Mapping[str, str] | None, None,
            "Players that it moves, each by the optimizer of its own name, or player: optimizer."),
)  # fmt: skip

OPTIMIZER = _table(
    _option("clip", "PositiveFloat | None", PositiveFloat | None, None, "Largest global norm of the gradient."),
)

EVALUATE = _table(
    _option("samples", "PositiveInt", PositiveInt, 1000, "Sequences to generate for the metrics."),
    _option("metrics", "list | None", list[Any] | None, None, "Metrics; null is every one that the data "
            "allows and that is usual."),
    _option("start", "bool", bool, False, "Also evaluate before the first step."),
)  # fmt: skip

CHECKPOINT = _table(
    _option("minutes", "NonNegativeFloat", NonNegativeFloat, 5.0, "Save at least this often, between rounds; "
            "0 saves after every round. The end of each phase is always saved."),
    _option("keep", "PositiveInt", PositiveInt, 2, "Latest checkpoints to keep, beside those that end a phase."),
    _option("best", "str | None", str | None, None, "A number to choose by, such as nll_validation: the model "
            "that is saved in the end is that of its best evaluation. Null is the last."),
)  # fmt: skip

LOG = _table(
    _option("every", "PositiveInt", PositiveInt, 10, "Rounds between entries of training statistics."),
    _option("samples", "Count", Count, 8, "Sentences to show and keep at each evaluation, from the same draws."),
)

SECTIONS = {"evaluate": EVALUATE, "checkpoint": CHECKPOINT, "log": LOG}
"""Settings in a mapping of their own."""

LISTS = {"callbacks": "callback", "trackers": "tracker"}
"""Lists of components."""

KEYS = ("extends", *RUN, *BLOCKS, "optimizers", "phases", *SECTIONS, *LISTS, "controls")
"""Every key at a recipe's top, in the order in which a filled recipe is written."""

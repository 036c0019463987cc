"""Metrics on texts of which everybody knows how good they are. One that ranks these wrongly here takes no part.

- "real": held-out text that no metric has as its reference, the validation split;
- "shuffled": the same with the words of each sentence in another order: worse;
- "repeated": one of its sentences, again and again: worse in diversity, not in quality;
- "looping": each sentence says its first two words again and again: worse in repetition;
- "training text": what a model that copies writes: as good and as diverse as can be, and nothing new.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from types import SimpleNamespace
from typing import Any

from textgan.compare.design.plan import Plan
from textgan.core import registry, spec
from textgan.core.seeding import derive
from textgan.core.types import Samples
from textgan.data.corpus import Corpus
from textgan.metrics.base import Evaluation, Metric
from textgan.runs.atomic import write_text
from textgan.runs.builder import corpus_objects, make, prepare

FILE = "selfcheck.json"
WORSE = {"quality": "shuffled", "diversity": "repeated"}
"""What an axis must rank below real text."""


@dataclass(frozen=True)
class Checked:
    """Each metric on each kind of text: kind -> name -> value."""

    values: Mapping[str, Mapping[str, float]]
    better: Mapping[str, str]

    def tells(self, metric: str) -> list[str]:
        """The kinds of text that a metric ranks below real text, where it has a direction."""
        real = self.values["real"].get(metric)
        if real is None or metric not in self.better:
            return []
        sign = 1 if self.better[metric] == "higher" else -1
        others = {kind: found.get(metric) for kind, found in self.values.items() if kind != "real"}
        return [kind for kind, value in others.items() if value is not None and sign * value < sign * real]

    def ranks(self, metric: str, axis: str) -> bool | None:
        """Whether a metric ranks real text above what is worse for that axis; None where texts alone cannot tell."""
        real, worse = self.values["real"].get(metric), self.values[WORSE[axis]].get(metric)
        if real is None or worse is None or metric not in self.better:
            return None
        return worse < real if self.better[metric] == "higher" else worse > real


def of(plan: Plan) -> Checked:
    """The check of a comparison's metrics on its data; worked out once and kept in its folder."""
    file = plan.folder / FILE
    if file.is_file():
        return Checked(**json.loads(file.read_text(encoding="utf-8")))
    recipe = plan.recipe(plan.methods[0], 0)
    corpus = prepare(recipe)
    shared = corpus_objects(corpus)
    blocks = recipe.filled["evaluate"]["metrics"]
    fitting = [b for b in blocks if spec.read(registry.find("metric", b["name"])).shared <= shared.keys()]
    metrics = [make("metric", block, shared) for block in fitting]
    found = check(corpus, metrics, plan.settings.samples, derive(0, "selfcheck"))
    write_text(file, json.dumps(asdict(found), indent=2) + "\n")
    return found


def check(corpus: Corpus, metrics: Sequence[Metric], count: int, seed: int) -> Checked:
    """All metrics that look at nothing but samples, on up to `count` sentences of each kind."""
    chance = random.Random(seed)
    real = list(corpus.validation.texts)[:count] or list(corpus.test.texts)[:count]
    train = list(corpus.train.texts)
    texts = {
        "real": real,
        "shuffled": [_shuffled(text, chance) for text in real],
        "repeated": [chance.choice(real)] * len(real),
        "looping": [_looping(text) for text in real],
        "training text": chance.sample(train, min(len(real), len(train))),
    }
    alone = [metric for metric in metrics if "log_prob" not in metric.requires]
    values: dict[str, dict[str, float]] = {}
    for kind, sentences in texts.items():
        batch = corpus.tokenizer.batch(sentences, corpus.max_len)
        nobody: Any = SimpleNamespace(bound=False, offers=frozenset())
        samples = Samples(batch.tokens, batch.valid, batch.valid)
        seen = Evaluation(nobody, samples, corpus.tokenizer.decode(batch.tokens, batch.valid), corpus)
        values[kind] = {name: value for metric in alone for name, value in metric(seen).items()}
    return Checked(values, {name: way for metric in alone for name, way in metric.better().items()})


def _looping(text: str) -> str:
    """As long as it was, of its first two words."""
    words = text.split()
    return " ".join((words[:2] * len(words))[: len(words)])


def _shuffled(text: str, chance: random.Random) -> str:
    words = text.split()
    chance.shuffle(words)
    return " ".join(words)

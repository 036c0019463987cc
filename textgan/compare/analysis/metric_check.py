"""Checks metrics on texts of known quality. A metric that ranks these texts wrongly is not used as an axis.

- "real": held-out text that is not a reference of any metric, the validation split;
- "shuffled": the same sentences with their words in random order: worse in quality;
- "repeated": one of the sentences, repeated: worse in diversity, not in quality;
- "looping": each sentence repeats its first two words: worse in repetition;
- "training text": the output of a model that copies: maximal quality and diversity, without anything new.
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
"""Axis -> the text that a metric of this axis must rank below real text."""


@dataclass(frozen=True)
class MetricCheck:
    """The values of all metrics on all texts.

    Args:
        values: kind of text -> metric -> value.
        better: metric -> "higher" or "lower", for metrics that have a direction.
    """

    values: Mapping[str, Mapping[str, float]]
    better: Mapping[str, str]

    def below_real(self, metric: str) -> list[str]:
        """Returns the kinds of text that a metric ranks below real text; none for a metric without a direction."""
        real = self.values["real"].get(metric)
        if real is None or metric not in self.better:
            return []
        sign = 1 if self.better[metric] == "higher" else -1
        others = {kind: found.get(metric) for kind, found in self.values.items() if kind != "real"}
        return [kind for kind, value in others.items() if value is not None and sign * value < sign * real]

    def passes(self, metric: str, axis: str) -> bool | None:
        """Returns whether a metric ranks real text above the worse text of an axis; None if texts alone do not show it.

        Args:
            metric: name of the metric.
            axis: "quality" or "diversity".
        """
        real, worse = self.values["real"].get(metric), self.values[WORSE[axis]].get(metric)
        if real is None or worse is None or metric not in self.better:
            return None
        return worse < real if self.better[metric] == "higher" else worse > real


def check_metrics(plan: Plan) -> MetricCheck:
    """Checks a comparison's metrics on its data; reads the result from the comparison's folder if it is there."""
    file = plan.folder / FILE
    if file.is_file():
        return MetricCheck(**json.loads(file.read_text(encoding="utf-8")))
    recipe = plan.recipe(plan.methods[0], 0)
    corpus = prepare(recipe)
    shared = corpus_objects(corpus)
    blocks = recipe.filled["evaluate"]["metrics"]
    fitting = [b for b in blocks if spec.read(registry.find("metric", b["name"])).shared <= shared.keys()]
    metrics = [make("metric", block, shared) for block in fitting]
    found = check(corpus, metrics, plan.settings.samples, derive(0, "selfcheck"))
    write_text(file, json.dumps(asdict(found), indent=2) + "\n")
    return found


def check(corpus: Corpus, metrics: Sequence[Metric], count: int, seed: int) -> MetricCheck:
    """Computes all metrics that need only samples on each kind of text.

    Args:
        corpus: the data.
        metrics: those that need the log-probabilities of a generator are skipped.
        count: maximum number of sentences of each kind.
        seed: of the random numbers.
    """
    rng = random.Random(seed)
    real = list(corpus.validation.texts)[:count] or list(corpus.test.texts)[:count]
    train = list(corpus.train.texts)
    texts = {
        "real": real,
        "shuffled": [_shuffled(text, rng) for text in real],
        "repeated": [rng.choice(real)] * len(real),
        "looping": [_looping(text) for text in real],
        "training text": rng.sample(train, min(len(real), len(train))),
    }
    on_samples = [metric for metric in metrics if "log_prob" not in metric.requires]
    values: dict[str, dict[str, float]] = {}
    for kind, sentences in texts.items():
        batch = corpus.tokenizer.batch(sentences, corpus.max_len)
        no_generator: Any = SimpleNamespace(bound=False, capabilities=frozenset())
        samples = Samples(batch.tokens, batch.valid, batch.valid)
        evaluation = Evaluation(no_generator, samples, corpus.tokenizer.decode(batch.tokens, batch.valid), corpus)
        values[kind] = {name: value for metric in on_samples for name, value in metric(evaluation).items()}
    return MetricCheck(values, {name: way for metric in on_samples for name, way in metric.better().items()})


def _looping(text: str) -> str:
    """Repeats the first two words of a sentence up to its length."""
    words = text.split()
    return " ".join((words[:2] * len(words))[: len(words)])


def _shuffled(text: str, rng: random.Random) -> str:
    words = text.split()
    rng.shuffle(words)
    return " ".join(words)

"""Twelve errors of well-known code for adversarial text generation, and the tests that detect each.

Each test passes on this code and is shown to fail on the wrong version. A test of one component is among that
component's tests, and the table says where; the others are here.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from textgan.core.roles import Estimator, Generator, RewardFn
from textgan.core.types import Batch, Loss, Samples
from textgan.data.corpus import Corpus
from textgan.data.tokenizers.builtin import word
from textgan.estimators import returns
from textgan.estimators.reinforce import Reinforce
from textgan.estimators.rollout import Rollout
from textgan.metrics.base import Evaluation, Metric
from textgan.metrics.bleu import SelfBleu
from textgan.metrics.functional.bleu import sentence_bleu
from textgan.metrics.likelihood import NllTest
from textgan.testing import TabularGenerator, TabularReward, tiny_corpus, tiny_vocabulary

TESTS = Path(__file__).parents[1]


class Error(NamedTuple):
    """What goes wrong, in a sentence, and the tests that detect it, as pytest names them."""

    text: str
    tests: tuple[str, ...]


ERRORS = [
    Error(
        "Rewards of roll-outs are stored as [T,B] and read as [B,T] without a transpose: tokens get wrong rewards.",
        ("estimators/test_rollout.py::test_wrong_versions_are_detected[NotTransposed]",),
    ),
    Error(
        "Dropout stays on while the discriminator scores roll-outs: the reward of a sequence changes at every call.",
        (
            "training/test_objectives.py::test_dropout_is_off_while_text_is_generated_and_scored",
            "training/test_objectives.py::test_dropout_left_on_would_be_noticed",
        ),
    ),
    Error(
        "Padding is counted in the likelihood and in rewards.",
        (
            "metrics/test_likelihood.py::test_nll_does_not_count_padding",
            "estimators/test_reinforce.py::test_rewards_of_padding_do_not_count",
        ),
    ),
    Error(
        "Self-BLEU counts a sample among its own references, or compares it with samples of an earlier call.",
        (
            "metrics/test_bleu.py::test_self_bleu_does_not_count_a_sample_among_its_own_references",
            "system/test_known_errors.py::test_self_bleu_compares_samples_of_one_call",
        ),
    ),
    Error(
        "The likelihood of training text is reported as that of test text.",
        ("system/test_known_errors.py::test_nll_test_is_of_test_text",),
    ),
    Error(
        "Token ids follow the order of a set, which differs between processes: a saved model reads the wrong tokens.",
        ("system/test_known_errors.py::test_ids_do_not_depend_on_the_process",),
    ),
    Error(
        "A temperature decreases over 5,000 steps that are written into the code, however long the run is.",
        ("estimators/test_gumbel_softmax.py::test_a_schedule_of_its_own_is_detected",),
    ),
    Error(
        "The advantage is changed in place, so that the next pass uses other values, or it carries a gradient.",
        (
            "system/test_known_errors.py::test_advantages_are_not_changed_in_place",
            "estimators/test_reinforce.py::test_wrong_versions_are_detected[NotDetached]",
        ),
    ),
    Error(
        "The gradient penalty takes one norm over the whole batch instead of one for each sequence.",
        ("losses/test_wasserstein.py::test_the_gradient_norm_is_per_sequence_and_not_over_the_batch",),
    ),
    Error(
        "A sum over kernels is set to zero inside its loop, so that only the last kernel counts.",
        ("losses/test_mmd.py::test_the_kernel_is_a_sum_over_all_bandwidths",),
    ),
    Error(
        "Ranks of rewards are taken from a dictionary's order, so that equal rewards are merged.",
        ("estimators/test_returns.py::test_rescaling_by_rank",),
    ),
    Error(
        "The slow copy that should complete roll-outs is created, but the current generator completes them.",
        (
            "estimators/test_rollout.py::test_the_copy_is_a_moving_average_of_the_generator",
            "estimators/test_rollout.py::test_the_copy_is_the_roll_out_policy",
        ),
    ),
]


# The table names existing tests.


def load(path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Imports a test file as a module, with its folder on the path."""
    if path == Path(__file__):
        return sys.modules[__name__]
    monkeypatch.syspath_prepend(str(path.parent))
    found = importlib.util.spec_from_file_location(f"known_errors_{path.stem}", path)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    found.loader.exec_module(module)
    return module


def parameters(test: Callable[..., None]) -> set[str]:
    """Returns the names of the classes and functions that a test is parametrised with."""
    marks = [mark for mark in getattr(test, "pytestmark", []) if mark.name == "parametrize"]
    rows = [row if isinstance(row, tuple) else (row,) for mark in marks for row in mark.args[1]]
    return {value.__name__ for row in rows for value in row if hasattr(value, "__name__")}


@pytest.mark.parametrize("name", [name for error in ERRORS for name in error.tests])
def test_the_table_names_tests(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    match = re.fullmatch(r"([\w/]+\.py)::(test_\w+)(?:\[(\w+)\])?", name)
    assert match is not None
    module = load(TESTS / match[1], monkeypatch)
    test = getattr(module, match[2])
    assert callable(test)
    assert match[3] is None or match[3] in parameters(test)


def test_every_error_has_a_test() -> None:
    assert len(ERRORS) == 12
    assert all(error.tests for error in ERRORS), [error.text for error in ERRORS if not error.tests]


def test_names_of_missing_tests_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AttributeError):
        test_the_table_names_tests("estimators/test_rollout.py::test_nothing", monkeypatch)
    with pytest.raises(AssertionError):
        test_the_table_names_tests(
            "estimators/test_rollout.py::test_wrong_versions_are_detected[NotThere]", monkeypatch
        )


# Self-BLEU with stale references.


def evaluation(texts: list[str]) -> Evaluation:
    generator = TabularGenerator(tiny_vocabulary(), 2)
    return Evaluation(generator, generator.sample(Batch.blank(len(texts), 2)), texts, tiny_corpus())


def check_fresh_references(metric: Metric) -> None:
    """Checks that the metric of some samples does not depend on samples measured before."""
    different, identical = evaluation(["e f g h", "i j k l", "m n o p"]), evaluation(["a b c d"] * 3)
    assert metric(different)["self_bleu2"] == 0
    assert metric(identical)["self_bleu2"] == 1
    assert metric(different)["self_bleu2"] == 0


class StaleReferences(SelfBleu):
    """Wrong: the samples of the first call stay the references of all later ones."""

    first: Sequence[str] = ()

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float]:
        if not self.first:
            self.first = evaluation.texts
            return super().__call__(evaluation)
        scores = sentence_bleu(self.first, evaluation.texts, self.orders[-1])
        return {f"self_bleu{n}": float(scores[n - 1].mean()) for n in self.orders}


def test_self_bleu_compares_samples_of_one_call() -> None:
    check_fresh_references(SelfBleu())
    with pytest.raises(AssertionError):
        check_fresh_references(StaleReferences())


# The likelihood of the wrong split.


def check_test_split(metric: Metric) -> None:
    """Checks that the metric depends on the test text and on no other."""
    corpus = tiny_corpus()
    generator = TabularGenerator(corpus.vocab, corpus.max_len)
    samples = generator.sample(Batch.blank(4, corpus.max_len))

    def measure(data: Corpus) -> float:
        with torch.no_grad():
            return metric(Evaluation(generator, samples, [], data))["nll_test"]

    value = measure(corpus)
    assert measure(replace(corpus, train=corpus.validation)) == value
    assert measure(replace(corpus, test=corpus.train)) != value


class OfTrainingText(NllTest):
    """Wrong: uses the training set."""

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float]:
        corpus = evaluation.corpus
        return super().__call__(replace(evaluation, corpus=replace(corpus, test=corpus.train)))


def test_nll_test_is_of_test_text() -> None:
    check_test_split(NllTest())
    with pytest.raises(AssertionError):
        check_test_split(OfTrainingText())


# Ids from a set.

WORDS = ["the", "cat", "sat", "on", "the", "mat", "and", "saw", "a", "dog", "run", "past", "it"]


def word_ids() -> dict[str, int]:
    return dict(word([" ".join(WORDS)]).hf.get_vocab())


def set_ids() -> dict[str, int]:
    """Wrong: numbers words in the order of a set."""
    return {text: number for number, text in enumerate(list(set(WORDS)))}


@pytest.fixture(scope="module")
def ids_of_two_processes() -> list[dict[str, dict[str, int]]]:
    """Returns what both functions return in processes whose hashes differ."""
    program = (
        f"import json, {Path(__file__).stem} as here;"
        "print(json.dumps({ids.__name__: ids() for ids in (here.word_ids, here.set_ids)}))"
    )
    found = []
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", program]
        done = subprocess.run(
            command, check=True, capture_output=True, text=True, cwd=Path(__file__).parent, env=environment
        )
        found.append(json.loads(done.stdout))
    return found


def test_ids_do_not_depend_on_the_process(ids_of_two_processes: list[dict[str, dict[str, int]]]) -> None:
    one, other = ids_of_two_processes
    assert one["word_ids"].keys() >= set(WORDS)
    assert one["word_ids"] == other["word_ids"]
    assert one["set_ids"].keys() == other["set_ids"].keys()
    assert one["set_ids"] != other["set_ids"]


# Advantages changed in place.


class Rewarded(NamedTuple):
    """A generator, its samples, and the reward of each token."""

    generator: TabularGenerator
    samples: Samples
    reward: Tensor


def rewarded() -> Rewarded:
    torch.manual_seed(0)
    vocab = tiny_vocabulary(3, end=True)
    generator = TabularGenerator(vocab, 4)
    samples = generator.sample(Batch.blank(6, 4))
    return Rewarded(generator, samples, TabularReward(vocab, 4, per_token=True)(samples))


def check_second_pass(loss_of: Callable[[Generator, Samples, Tensor, Tensor, str, str], Loss]) -> None:
    """Checks that a second pass over the same advantages, as in PPO, has the same loss and leaves rewards unchanged."""
    generator, samples, reward = rewarded()
    value = returns.to_go(reward, samples.chosen)
    kept = value.clone(), reward.clone()
    losses = [loss_of(generator, samples, value, reward, "leave_one_out", "mean") for _ in range(2)]
    assert torch.equal(value, kept[0])
    assert torch.equal(reward, kept[1])
    assert losses[0].value == losses[1].value


def changes_in_place(
    generator: Generator, samples: Samples, value: Tensor, reward: Tensor, baseline: str, reduction: str
) -> Loss:
    """Wrong: subtracts the baseline from the caller's own tensor."""
    value -= returns.leave_one_out(value)
    return returns.policy_gradient(generator, samples, value, reward, "none", reduction)


class CachedReward:
    """A reward that returns its own tensor, as one with a cache does."""

    def __init__(self, length: int) -> None:
        self.cached = torch.rand(6, length)
        self.before = self.cached.clone()

    def __call__(self, samples: Samples) -> Tensor:
        return self.cached if len(samples) == len(self.cached) else torch.ones(len(samples), self.cached.shape[1])


class Centres(Reinforce):
    """Wrong: centres the rewards in place."""

    def losses(self, generator: Generator, reward: RewardFn, batch: Batch) -> Iterator[Loss]:
        return super().losses(generator, lambda samples: reward(samples).sub_(0.5), batch)


def check_reward_is_unchanged(make: Callable[[Generator], Estimator], length: int) -> None:
    """Checks that an estimator does not change the tensor that a reward returns. length: 1, or the number of tokens."""
    generator, reward = TabularGenerator(tiny_vocabulary(3), 4), CachedReward(length)
    for loss in make(generator).losses(generator, reward, Batch.blank(6, 4)):
        loss.value.backward()
    assert torch.equal(reward.cached, reward.before)


def test_advantages_are_not_changed_in_place() -> None:
    check_second_pass(returns.policy_gradient)
    with pytest.raises(AssertionError):
        check_second_pass(changes_in_place)
    for length in (1, 4):
        check_reward_is_unchanged(lambda generator: Reinforce(), length)
    check_reward_is_unchanged(lambda generator: Rollout(generator, 2), 1)
    with pytest.raises(AssertionError):
        check_reward_is_unchanged(lambda generator: Centres(), 1)

"""Twelve errors of well-known code for adversarial text generation, and the test of each.

Each test passes on this code and is shown to fail on the wrong version. Those that belong to one component stand beside
the component's other tests, and the table says where; the rest stand here.
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

from textgan.metrics.functional.bleu import sentence_bleu
from textgan.data.corpus import Corpus
from textgan.data.tokenizers.builtin import word
from textgan.estimators import returns
from textgan.estimators.reinforce import Reinforce
from textgan.estimators.rollout import Rollout
from textgan.metrics.bleu import SelfBleu
from textgan.metrics.likelihood import NllTest
from textgan.core.roles import Estimator, Generator, RewardFn
from textgan.metrics.base import Evaluation, Metric
from textgan.testing import TabularGenerator, TabularReward, tiny_corpus, tiny_vocabulary
from textgan.core.types import Batch, Loss, Samples

TESTS = Path(__file__).parent


class Error(NamedTuple):
    """What goes wrong, in a sentence, and the tests that would notice, by pytest's names."""

    told: str
    tests: tuple[str, ...]


ERRORS = [
    Error(
        "Rewards of roll-outs lie as [T,B] and are read as [B,T] without a transpose: tokens get each other's.",
        ("estimators/test_rollout.py::test_wrong_versions_are_caught[NotTransposed]",),
    ),
    Error(
        "Dropout stays on while the discriminator scores roll-outs: a sequence earns something else each time.",
        (
            "test_training.py::test_dropout_is_off_while_text_is_written_and_paid",
            "test_training.py::test_dropout_left_on_would_be_noticed",
        ),
    ),
    Error(
        "Padding is counted in the likelihood and in rewards.",
        (
            "metrics/test_likelihood.py::test_nll_does_not_count_padding",
            "estimators/test_reinforce.py::test_padding_earns_nothing",
        ),
    ),
    Error(
        "Self-BLEU counts a sample among its own references, or compares it with samples of an earlier call.",
        (
            "metrics/test_bleu.py::test_self_bleu_does_not_count_a_sample_among_its_own_references",
            "test_known_errors.py::test_self_bleu_compares_samples_of_one_call",
        ),
    ),
    Error(
        "The likelihood of training text is reported as that of test text.",
        ("test_known_errors.py::test_nll_test_is_of_test_text",),
    ),
    Error(
        "Ids of words follow the order of a set, which is another in each process: a saved model reads other words.",
        ("test_known_errors.py::test_ids_do_not_depend_on_the_process",),
    ),
    Error(
        "A temperature cools over 5,000 steps that are written into the code, however long the run is.",
        ("estimators/test_gumbel_softmax.py::test_a_schedule_of_its_own_is_caught",),
    ),
    Error(
        "The advantage is edited in place, so that the next pass sees another one, or it carries a gradient.",
        (
            "test_known_errors.py::test_advantages_are_left_as_they_are",
            "estimators/test_reinforce.py::test_wrong_versions_are_caught[NotDetached]",
        ),
    ),
    Error(
        "The gradient penalty takes one norm over the whole batch instead of one for each sequence.",
        ("losses/test_wasserstein.py::test_the_gradient_penalty_is_of_each_sequence_and_not_over_the_batch",),
    ),
    Error(
        "A sum over kernels is set to zero inside its loop, so that only the last kernel counts.",
        ("losses/test_mmd.py::test_the_kernel_sum_is_over_all_bandwidths_and_not_reset_inside_its_loop",),
    ),
    Error(
        "Ranks of rewards are their places in a dictionary, in the order of its rows and with equal rewards as one.",
        ("estimators/test_credit.py::test_rescaling_by_rank",),
    ),
    Error(
        "The slow copy that should roll out is made, and then the current generator rolls out all the same.",
        (
            "estimators/test_rollout.py::test_the_copy_follows_the_generator",
            "estimators/test_rollout.py::test_the_copy_is_what_rolls_out",
        ),
    ),
]


# Each name in the table is that of a test.


def load(path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A test file as a module, with its neighbours within reach, as pytest has it."""
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
    """The names of the classes and functions that a test is parametrised with."""
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
    assert all(error.tests for error in ERRORS), [error.told for error in ERRORS if not error.tests]


def test_a_name_of_no_test_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AttributeError):
        test_the_table_names_tests("estimators/test_rollout.py::test_nothing", monkeypatch)
    with pytest.raises(AssertionError):
        test_the_table_names_tests("estimators/test_rollout.py::test_wrong_versions_are_caught[NotThere]", monkeypatch)


# Self-BLEU with stale references.


def written(texts: list[str]) -> Evaluation:
    generator = TabularGenerator(tiny_vocabulary(), 2)
    return Evaluation(generator, generator.sample(Batch.blank(len(texts), 2)), texts, tiny_corpus())


def check_fresh_references(metric: Metric) -> None:
    """What it says of samples does not depend on what it has measured before."""
    unlike, alike = written(["e f g h", "i j k l", "m n o p"]), written(["a b c d"] * 3)
    assert metric(unlike)["self_bleu2"] == 0
    assert metric(alike)["self_bleu2"] == 1
    assert metric(unlike)["self_bleu2"] == 0


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
    """What it says changes with the test text and with no other."""
    corpus = tiny_corpus()
    generator = TabularGenerator(corpus.vocab, corpus.max_len)
    samples = generator.sample(Batch.blank(4, corpus.max_len))

    def measured(seen: Corpus) -> float:
        with torch.no_grad():
            return metric(Evaluation(generator, samples, [], seen))["nll_test"]

    value = measured(corpus)
    assert measured(replace(corpus, train=corpus.validation)) == value
    assert measured(replace(corpus, test=corpus.train)) != value


class OfTrainingText(NllTest):
    """Wrong: the batches of the training set are nearest at hand."""

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
    """Wrong: words are numbered in the order of a set."""
    return {text: number for number, text in enumerate(list(set(WORDS)))}


@pytest.fixture(scope="module")
def in_two_processes() -> list[dict[str, dict[str, int]]]:
    """What both functions say in processes whose hashes differ."""
    program = (
        f"import json, {Path(__file__).stem} as here;"
        "print(json.dumps({made.__name__: made() for made in (here.word_ids, here.set_ids)}))"
    )
    found = []
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", program]
        done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=TESTS, env=environment)
        found.append(json.loads(done.stdout))
    return found


def test_ids_do_not_depend_on_the_process(in_two_processes: list[dict[str, dict[str, int]]]) -> None:
    one, other = in_two_processes
    assert one["word_ids"].keys() >= set(WORDS)
    assert one["word_ids"] == other["word_ids"]
    assert one["set_ids"].keys() == other["set_ids"].keys()
    assert one["set_ids"] != other["set_ids"]


# Advantages edited in place.


class Paid(NamedTuple):
    """A generator, what it wrote, and what each token earned."""

    generator: TabularGenerator
    samples: Samples
    reward: Tensor


def paid() -> Paid:
    torch.manual_seed(0)
    vocab = tiny_vocabulary(3, end=True)
    generator = TabularGenerator(vocab, 4)
    samples = generator.sample(Batch.blank(6, 4))
    return Paid(generator, samples, TabularReward(vocab, 4, per_token=True)(samples))


def check_second_pass(loss_of: Callable[[Generator, Samples, Tensor, Tensor, str, str], Loss]) -> None:
    """A second pass over the same advantages, as in PPO, has the same loss, and nothing that was paid has changed."""
    generator, samples, reward = paid()
    value = returns.to_go(reward, samples.chosen)
    kept = value.clone(), reward.clone()
    losses = [loss_of(generator, samples, value, reward, "leave_one_out", "mean") for _ in range(2)]
    assert torch.equal(value, kept[0])
    assert torch.equal(reward, kept[1])
    assert losses[0].value == losses[1].value


def edits_in_place(
    generator: Generator, samples: Samples, value: Tensor, reward: Tensor, baseline: str, reduction: str
) -> Loss:
    """Wrong: the baseline is taken from the caller's own tensor."""
    value -= returns.leave_one_out(value)
    return returns.policy_gradient(generator, samples, value, reward, "none", reduction)


class KeepsWhatItPaid:
    """A reward that hands out its own tensor, as one does that remembers what it has paid."""

    def __init__(self, length: int) -> None:
        self.paid = torch.rand(6, length)
        self.kept = self.paid.clone()

    def __call__(self, samples: Samples) -> Tensor:
        return self.paid if len(samples) == len(self.paid) else torch.ones(len(samples), self.paid.shape[1])


class Centres(Reinforce):
    """Wrong: centres the rewards where they lie."""

    def losses(self, generator: Generator, reward: RewardFn, batch: Batch) -> Iterator[Loss]:
        return super().losses(generator, lambda samples: reward(samples).sub_(0.5), batch)


def check_reward_is_kept(make: Callable[[Generator], Estimator], length: int) -> None:
    """An estimator leaves the tensor that a reward handed out as it was. length: 1, or the number of tokens."""
    generator, reward = TabularGenerator(tiny_vocabulary(3), 4), KeepsWhatItPaid(length)
    for loss in make(generator).losses(generator, reward, Batch.blank(6, 4)):
        loss.value.backward()
    assert torch.equal(reward.paid, reward.kept)


def test_advantages_are_left_as_they_are() -> None:
    check_second_pass(returns.policy_gradient)
    with pytest.raises(AssertionError):
        check_second_pass(edits_in_place)
    for length in (1, 4):
        check_reward_is_kept(lambda generator: Reinforce(), length)
    check_reward_is_kept(lambda generator: Rollout(generator, 2), 1)
    with pytest.raises(AssertionError):
        check_reward_is_kept(lambda generator: Centres(), 1)

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from support.worlds import EOS, Unigram, World
from torch import Tensor

from textgan.core.errors import UserError
from textgan.core.types import Samples
from textgan.data.interfaces import Oracle
from textgan.metrics import likelihood
from textgan.metrics.base import Evaluation
from textgan.metrics.likelihood import Entropy, NllOracle, NllTest, NllValidation
from textgan.testing import TabularGenerator, check_metric, tiny_corpus

TEST, SAMPLES = ["a b", "a", "a a b b"], ["b b b", "a"]
PROBABILITIES = [0.4, 0.05, 0.25, 0.2, 0.1]  # padding, start, end, a, b
END, A, B = (-math.log(p) for p in PROBABILITIES[2:])


@pytest.fixture
def world() -> World:
    world = World()
    world.batch(["a b"])  # a is 3, b is 4
    return world


class Table(Oracle):
    """An oracle with fixed log-probabilities."""

    entropy = 1.25

    def __init__(self, values: Sequence[float]) -> None:
        self.values = list(values)

    def log_prob(self, tokens: Tensor, valid: Tensor) -> Tensor:
        given, self.values = self.values[: len(tokens)], self.values[len(tokens) :]
        return torch.tensor(given)


def test_nll_is_over_the_tokens_and_ends_of_the_test_split(world: World) -> None:
    generator = Unigram(PROBABILITIES)
    measured = NllTest()(world(SAMPLES, test=TEST, train=["a a a a a"], generator=generator))
    assert measured["nll_test"] == pytest.approx((4 * A + 3 * B + 3 * END) / 10, abs=1e-6)
    assert NllTest().better() == {"nll_test": "lower"}


def test_nll_does_not_count_padding(world: World) -> None:
    """The mean over all of [B,T], as in well-known code, is another number."""
    evaluation = world(SAMPLES, test=TEST, generator=Unigram(PROBABILITIES))
    batch = evaluation.corpus.test.batch
    padded = -evaluation.generator.log_prob(evaluation.generator.real(batch)).mean().item()
    measured = NllTest()(evaluation)["nll_test"]
    assert abs(measured - padded) > 0.3
    longer = World(max_len=40)
    longer.batch(["a b"])
    assert NllTest()(longer(SAMPLES, test=TEST, generator=Unigram(PROBABILITIES)))["nll_test"] == measured


def test_nll_is_measured_on_test_and_not_on_train(world: World) -> None:
    generator = Unigram(PROBABILITIES)
    one = NllTest()(world(SAMPLES, test=TEST, train=["b b b b"], generator=generator))
    other = NllTest()(world(SAMPLES, test=TEST, train=["a"], generator=generator))
    swapped = NllTest()(world(SAMPLES, test=["b b b b"], train=TEST, generator=generator))
    assert one == other != swapped


def test_given_tokens_do_not_count(world: World) -> None:
    evaluation = world(SAMPLES, test=["a b"], generator=Unigram(PROBABILITIES))
    evaluation.corpus.test.batch.given[:, 0] = True
    assert NllTest()(evaluation)["nll_test"] == pytest.approx((B + END) / 2, abs=1e-6)
    evaluation.corpus.test.batch.given[:] = True
    with pytest.raises(UserError, match="found no token"):
        NllTest()(evaluation)


def test_forbidden_tokens_are_left_out_and_counted(world: World) -> None:
    """A forbidden logit of -1e4 would dominate the mean, and minus infinity would make it infinite."""
    generator = Unigram([0.4, 0.05, 0.3, 0.25, 0.0])
    measured = NllTest()(world(SAMPLES, test=TEST, generator=generator, forbidden_ids=(0, 1, 4)))
    assert measured["nll_test"] == pytest.approx(-(4 * math.log(0.25) + 3 * math.log(0.3)) / 7, abs=1e-6)
    assert measured["nll_test_skipped"] == pytest.approx(3 / 10)
    everything = NllTest()(world(SAMPLES, test=TEST, generator=Unigram(PROBABILITIES), forbidden_ids=()))
    assert everything["nll_test"] == pytest.approx((4 * A + 3 * B + 3 * END) / 10, abs=1e-6)
    assert everything["nll_test_skipped"] == 0


def test_limit_takes_the_first_sentences_and_the_signature_states_it(world: World) -> None:
    metric = NllTest(limit=2)
    assert metric.signature() == "nll|split:test|sentences:up to 2|nats-per-token|eos:counted|pad,forbidden:skipped"
    measured = metric(world(SAMPLES, test=TEST, generator=Unigram(PROBABILITIES)))
    assert measured["nll_test"] == pytest.approx((2 * A + B + 2 * END) / 5, abs=1e-6)
    assert "sentences:2|" in metric.signature()
    assert "sentences:3|" in _measured(NllTest(limit=100), world).signature()


def _measured(metric: NllTest, world: World) -> NllTest:
    metric(world(SAMPLES, test=TEST, generator=Unigram(PROBABILITIES)))
    return metric


@pytest.mark.parametrize("metric", [NllTest(), Entropy()])
def test_chunks_bound_the_logits_and_change_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, metric: NllTest | Entropy
) -> None:
    texts = ["a", "a b", "b b b", "a a", "b"]
    generator = Unigram(PROBABILITIES)
    evaluation = world(texts, test=texts, train=texts, generator=generator)
    whole = metric(evaluation)
    monkeypatch.setattr(likelihood, "LOGITS", 2 * 12 * 5 + 1)  # two rows of T * V
    pieces = metric(evaluation)
    assert generator.rows == [5, 2, 2, 1]
    assert [*pieces.values()] == pytest.approx([*whole.values()], abs=1e-12)
    monkeypatch.setattr(likelihood, "LOGITS", 1)
    generator.rows.clear()
    metric(evaluation)
    assert generator.rows == [1] * 5, "a sentence is never cut"


def test_entropy_is_that_of_the_samples(world: World) -> None:
    evaluation = world(SAMPLES, test=TEST, generator=Unigram(PROBABILITIES))
    assert Entropy()(evaluation)["entropy"] == pytest.approx((A + 3 * B + 2 * END) / 6, abs=1e-6)
    assert Entropy().better() == {}


def test_entropy_of_a_known_distribution(world: World) -> None:
    probabilities = [0.0, 0.0, 0.5, 0.3, 0.2]
    evaluation = world([""] * 20_000, generator=Unigram(probabilities))
    torch.manual_seed(0)
    evaluation.samples.x[:, 0] = torch.multinomial(torch.tensor(probabilities), 20_000, replacement=True)
    truth = -sum(p * math.log(p) for p in probabilities if p)
    assert Entropy()(evaluation)["entropy"] == pytest.approx(truth, abs=0.01)


def test_a_diverged_generator_is_an_error(world: World) -> None:
    generator = Unigram([0.4, 0.05, 0.25, 0.2, float("nan")])
    for metric, name in ((NllTest(), "nll_test"), (Entropy(), "entropy")):
        with pytest.raises(UserError, match=f"{name}.* 3 of .* diverged"):
            metric(world(SAMPLES, test=TEST, generator=generator))


def test_a_token_of_probability_zero_has_infinite_nll(world: World) -> None:
    generator = Unigram([0.4, 0.1, 0.3, 0.2, 0.0])
    assert NllTest()(world(SAMPLES, test=TEST, generator=generator))["nll_test"] == math.inf
    assert NllTest()(world(SAMPLES, test=["a"], generator=generator))["nll_test"] < 2


def test_log_probabilities_are_computed_without_gradients(world: World) -> None:
    enabled: list[bool] = []

    class Watched(Unigram):
        def log_prob(self, samples: Samples) -> Tensor:
            enabled.append(torch.is_grad_enabled())
            return super().log_prob(samples)

    with torch.enable_grad():
        NllTest()(world(SAMPLES, test=TEST, generator=Watched(PROBABILITIES)))
    assert enabled == [False]


def test_nll_test_needs_a_test_split(world: World) -> None:
    with pytest.raises(UserError, match="test split"):
        NllTest()(world(SAMPLES, test=[]))


def test_nll_oracle_is_per_valid_token(world: World) -> None:
    measured = NllOracle()(world(SAMPLES, oracle=Table([-4.5, -3.0])))
    assert measured == {"nll_oracle": 7.5 / 6, "oracle_entropy": 1.25, "oracle_impossible": 0}
    assert NllOracle.requires == {"oracle"}
    assert NllOracle().better() == {"nll_oracle": "lower", "oracle_impossible": "lower"}


def test_impossible_samples_are_infinite_and_counted(world: World) -> None:
    measured = NllOracle()(world([*SAMPLES, "b", "b"], oracle=Table([-4.5, -math.inf, -1.0, -2.0])))
    assert measured["nll_oracle"] == math.inf
    assert measured["oracle_impossible"] == 0.25


def test_an_oracle_with_invalid_numbers_is_an_error(world: World) -> None:
    with pytest.raises(UserError, match="1 of 2 samples is not a number"):
        NllOracle()(world(SAMPLES, oracle=Table([-4.5, math.nan])))


def test_the_oracle_scores_in_chunks(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(likelihood, "LOGITS", 1)
    assert NllOracle()(world(SAMPLES, oracle=Table([-4.5, -3.0])))["nll_oracle"] == 7.5 / 6


def test_the_end_counts(world: World) -> None:
    evaluation = world(["a"])
    assert evaluation.samples.x[0, 1] == EOS
    assert NllOracle()(world(["a"], oracle=Table([-3.0])))["nll_oracle"] == 1.5


def test_nll_validation_uses_the_validation_split_only() -> None:
    corpus = tiny_corpus()
    check_metric(NllValidation(), corpus)
    generator = TabularGenerator(corpus.vocab, corpus.max_len)
    evaluation = Evaluation(generator, generator.sample(corpus.test.batch), [], corpus)
    swapped = replace(evaluation, corpus=replace(corpus, test=corpus.validation))
    with torch.no_grad():
        values = NllValidation()(evaluation)
        assert values["nll_validation"] == NllTest()(swapped)["nll_test"]
        assert values["nll_validation"] != NllTest()(evaluation)["nll_test"]


def test_samples_are_moved_to_the_generators_device(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """An evaluation provides them on the CPU."""
    devices = []

    class Elsewhere(TabularGenerator):
        def log_prob(self, samples: Samples) -> Tensor:
            devices.append({part.device.type for part in (samples.x, samples.valid, samples.chosen)})
            raise StopIteration

    generator = Elsewhere.__new__(Elsewhere)
    torch.nn.Module.__init__(generator)
    generator.place = torch.nn.Parameter(torch.zeros(1, device="meta"))
    with pytest.raises(StopIteration):
        Entropy()(world(["a b", "c"], generator=generator))
    assert devices == [{"meta"}]

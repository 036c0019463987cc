"""The ranking loss, compared with plain Python loops, and mistakes that its contract finds."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from textgan import recipe
from textgan.core import registry, spec
from textgan.core.errors import UserError
from textgan.discriminators.text_cnn import TextCnn
from textgan.estimators.rollout import Rollout
from textgan.roles import Discriminator
from textgan.testing import TabularGenerator, check_loss, tiny_vocabulary
from textgan.types import Batch, Samples, Scores, Vocabulary
from textgan_plugins.rankgan import loss as module
from textgan_plugins.rankgan.loss import Ranking, grouped_log_softmax

Form = Literal["paper", "released"]
FORMS: tuple[Form, ...] = ("paper", "released")


class Table(Discriminator):
    """Has a table of features; those of a sentence are the row of its first token."""

    capabilities = frozenset({"features"})

    def __init__(self, rows: Tensor) -> None:
        super().__init__()
        self.rows = torch.nn.Parameter(rows)
        self.eval()

    def forward(self, samples: Samples) -> Scores:
        raise NotImplementedError

    def features(self, samples: Samples) -> Tensor:
        self.graded = torch.is_grad_enabled()
        first = samples.x[:, 0]
        return first @ self.rows if first.is_floating_point() else self.rows[first]


def sentences(tokens: range) -> Samples:
    x = torch.tensor(tokens, dtype=torch.long).unsqueeze(1)
    return Samples(x, *[torch.ones_like(x, dtype=torch.bool)] * 2)


REAL, FAKE = range(7), range(7, 12)
GAMMA = 1.7


def ranker() -> Table:
    return Table(torch.randn(12, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64))


def cosine(one: list[float], other: list[float]) -> float:
    product = sum(a * b for a, b in zip(one, other, strict=True))
    return product / math.sqrt(sum(a * a for a in one)) / math.sqrt(sum(b * b for b in other))


def log_rank(y: list[list[float]], s: int, references: range, comparison: range) -> float:
    """Computes log R(s|U,C) by a loop over references and sentences."""
    logs = []
    for u in references:
        weights = {other: math.exp(GAMMA * cosine(y[other], y[u])) for other in (*comparison, s)}
        logs.append(math.log(weights[s] / sum(weights.values())))
    return sum(logs) / len(logs)


def score(y: list[list[float]], s: int, references: range) -> float:
    return GAMMA * sum(cosine(y[s], y[u]) for u in references)


def expected_loss(form: Form, y: list[list[float]]) -> float:
    """Computes the loss of 7 real sentences, the first two of which are references, and 5 generated ones; |C| = 3."""
    references, ranked = REAL[:2], REAL[2:]
    if form == "paper":
        on_real = [log_rank(y, s, references, FAKE[:3]) for s in ranked]
        on_fake = [log_rank(y, s, references, ranked[:3]) for s in FAKE]
    else:
        total = sum(math.exp(score(y, s, references)) for s in (*ranked, *FAKE))
        on_real = [math.log(math.exp(score(y, s, references)) / total) for s in ranked]
        on_fake = [math.log(math.exp(score(y, s, references)) / total) for s in FAKE]
    return -sum(on_real) / len(on_real) + sum(on_fake) / len(on_fake)


def ranking(form: Form, **changed: Any) -> Ranking:
    return Ranking(form, **{"gamma": GAMMA, "references": 2, "comparison": 3} | changed)


@pytest.mark.parametrize("form", FORMS)
def test_the_loss_and_its_gradient_are_those_of_the_formula(form: Form) -> None:
    d = ranker()
    value, stats = ranking(form).discriminator(d, sentences(REAL), sentences(FAKE))
    table = d.rows.tolist()
    assert value.item() == pytest.approx(expected_loss(form, table), abs=1e-12)
    assert stats["d_loss"] == value
    value.backward()
    assert d.rows.grad is not None
    for row in range(12):
        for column in range(3):
            slopes = []
            for offset in (1e-5, -1e-5):
                shifted = [list(r) for r in table]
                shifted[row][column] += offset
                slopes.append(expected_loss(form, shifted))
            assert d.rows.grad[row, column].item() == pytest.approx((slopes[0] - slopes[1]) / 2e-5, abs=1e-8)


def test_the_reward_is_log_rank_among_real_sentences() -> None:
    d, tested = ranker(), ranking("paper")
    y = d.rows.tolist()
    expected = [log_rank(y, s, REAL[:2], REAL[2:5]) for s in FAKE]
    rewards = tested.reward(d, sentences(FAKE), sentences(REAL))
    assert rewards.shape == (5, 1)
    assert rewards[:, 0].tolist() == pytest.approx(expected, abs=1e-12)
    assert not d.graded
    assert not rewards.requires_grad


def test_the_released_reward_is_a_softmax_over_a_group_of_fakes() -> None:
    d = ranker()
    y = d.rows.tolist()
    weights = [math.exp(score(y, s, REAL[:2])) for s in FAKE]
    first = [w / sum(weights[:3]) for w in weights[:3]]
    rest = [
        w / sum(weights[3:]) * 2 / 3 for w in weights[3:]
    ]  # a group of two instead of three: scaled like the others
    rewards = ranking("released").reward(d, sentences(FAKE), sentences(REAL))
    assert rewards.shape == (5, 1)
    assert rewards[:, 0].tolist() == pytest.approx([*first, *rest], abs=1e-12)
    assert rewards.sum().item() == pytest.approx(1 + 2 / 3)


@pytest.mark.parametrize("count", [0, 1, 3, 4, 6])
def test_the_mean_probability_is_one_over_the_group_size(count: int) -> None:
    torch.manual_seed(0)
    found = grouped_log_softmax(torch.randn(count), 3).exp()
    assert found.shape == (count,)
    assert found.sum().item() == pytest.approx(count / 3)


def test_in_the_released_loss_the_softmax_cancels() -> None:
    d = ranker()
    y = d.rows.tolist()
    on_real, on_fake = ([score(y, s, REAL[:2]) for s in part] for part in (REAL[2:], FAKE))
    value, _ = ranking("released").discriminator(d, sentences(REAL), sentences(FAKE))
    assert value.item() == pytest.approx(sum(on_fake) / 5 - sum(on_real) / 5, abs=1e-12)


def test_successive_rollouts_have_prefixes_of_one_length() -> None:
    """So they share a softmax in the released form, as in the authors' code, if no sentence ends early."""
    torch.manual_seed(0)
    generator, seen = TabularGenerator(tiny_vocabulary(4), 5), 0
    samples = generator.sample(Batch.blank(6, 5))
    for part in generator.rollouts(samples, 3):
        for prefix, source in zip(part.prefix.split(6), part.source.split(6), strict=True):
            assert len(prefix.unique()) == 1
            assert source.tolist() == list(range(6))
            seen += 1
    assert seen == 4 * 3


@pytest.mark.parametrize("form", FORMS)
def test_accuracies_are_relative_to_the_midpoint_of_the_mean_scores(form: Form) -> None:
    """Of 5 real sentences, 4 point at the references; of 2 generated ones, 1 points away. The midpoint is 0.65."""
    d = Table(torch.tensor([[1.0, 0.0]] * 7 + [[0.0, 1.0]] + [[1.0, 0.0], [0.0, 1.0]]))
    _, stats = Ranking(form, references=3).discriminator(d, sentences(range(8)), sentences(range(8, 10)))
    assert stats["d_accuracy_real"].item() == pytest.approx(0.8)
    assert stats["d_accuracy_fake"].item() == 0.5
    assert not any(value.requires_grad for value in stats.values())


@pytest.mark.parametrize("form", FORMS)
def test_ranking_in_chunks_changes_nothing(form: Form, monkeypatch: pytest.MonkeyPatch) -> None:
    d, tested = ranker(), ranking(form)
    whole = tested.reward(d, sentences(FAKE), sentences(REAL))
    for rows in (1, 2, 5):
        monkeypatch.setattr(module, "ROWS", rows)
        torch.testing.assert_close(tested.reward(d, sentences(FAKE), sentences(REAL)), whole)
    assert tested.reward(d, sentences(range(7, 7)), sentences(REAL)).shape == (0, 1)


class Largest(TorchDispatchMode):
    """Records the size of the largest tensor that an operation returns."""

    numbers = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        if isinstance(out, Tensor):
            self.numbers = max(self.numbers, out.numel())
        return out


@pytest.mark.parametrize("form", FORMS)
def test_twenty_thousand_rollouts_are_ranked_in_chunks(form: Form) -> None:
    d = Table(torch.randn(12, 64))
    fake, real = (Samples(torch.randint(12, (n, 1)), *[torch.ones(n, 1, dtype=torch.bool)] * 2) for n in (20_000, 512))
    with Largest() as largest:  # type: ignore[no-untyped-call]
        assert Ranking(form, references=128, comparison=128).reward(d, fake, real).shape == (20_000, 1)
    assert largest.numbers <= module.ROWS * 128, "not [R,U,C], nor the features of all at once"


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("gamma", [1e-6, 1e6])
def test_extreme_temperatures_stay_finite(form: Form, gamma: float) -> None:
    d = Table(torch.randn(12, 3, generator=torch.Generator().manual_seed(0)).relu())  # rows of zeros among them
    assert not d.rows.any(1).all()
    tested = ranking(form, gamma=gamma)
    value, _ = tested.discriminator(d, sentences(REAL), sentences(FAKE))
    value.backward()
    assert value.isfinite()
    assert d.rows.grad is not None
    assert d.rows.grad.isfinite().all()
    assert tested.reward(d, sentences(FAKE), sentences(REAL)).isfinite().all()


@pytest.mark.parametrize("form", FORMS)
def test_rewards_are_deterministic(form: Form) -> None:
    d, tested = ranker(), ranking(form, dropout=0.5)
    state = torch.get_rng_state()
    first, second = (tested.reward(d, sentences(FAKE), sentences(REAL)) for _ in range(2))
    torch.testing.assert_close(first, second)
    assert torch.equal(torch.get_rng_state(), state)


def test_dropout_is_on_in_training_only() -> None:
    d, tested, plain = ranker(), ranking("paper", dropout=0.5), ranking("paper")
    batches = sentences(REAL), sentences(FAKE)
    assert tested.discriminator(d, *batches).value == plain.discriminator(d, *batches).value
    d.train()
    torch.manual_seed(0)
    assert tested.discriminator(d, *batches).value != plain.discriminator(d, *batches).value


@pytest.mark.parametrize("form", FORMS)
def test_gradients_reach_relaxed_samples(form: Form) -> None:
    d = ranker()
    x = torch.rand(5, 1, 12, dtype=torch.float64).softmax(2).requires_grad_()
    fake = Samples(x, *[torch.ones(5, 1, dtype=torch.bool)] * 2)
    rewards = ranking(form).reward(d, fake, sentences(REAL))
    rewards[0].sum().backward()
    assert x.grad is not None
    assert x.grad[0].any()
    d.rows.requires_grad_(False)
    torch.testing.assert_close(rewards.detach(), ranking(form).reward(d, fake.with_x(x.detach()), sentences(REAL)))


def test_at_most_half_of_a_batch_are_references() -> None:
    d = ranker()
    y = d.rows.tolist()
    rewards = Ranking(gamma=GAMMA).reward(d, sentences(FAKE), sentences(REAL[:5]))
    assert rewards[:, 0].tolist() == pytest.approx([log_rank(y, s, REAL[:2], REAL[2:5]) for s in FAKE], abs=1e-12)
    with pytest.raises(
        UserError, match="too few real sequences to compare with, 1; expected at least 2; raise batch_size"
    ):
        Ranking().reward(d, sentences(FAKE), sentences(REAL[:1]))


@pytest.mark.parametrize("form", FORMS)
def test_it_meets_the_contract(form: Form) -> None:
    check_loss(Ranking(form, references=4, comparison=32), small)


class RewardsDissimilarFakes(Ranking):
    """Wrong: the sign of the reward."""

    def reward(self, d: Discriminator, fake: Samples, real: Samples) -> Tensor:
        return -super().reward(d, fake, real)


def test_the_contract_finds_a_wrong_sign() -> None:
    with pytest.raises(AssertionError, match="higher reward"):
        check_loss(RewardsDissimilarFakes(references=4), small)


def test_the_gradient_of_the_reward_favours_real_tokens() -> None:
    """After training the ranker, the gradient of roll-outs raises the probability of the real token."""
    torch.manual_seed(0)
    vocab = tiny_vocabulary(4)
    generator, d, tested = TabularGenerator(vocab, 3, spread=0.0), small(vocab), Ranking(references=8, comparison=8)
    real = Samples(torch.full((32, 3), 2), *[torch.ones(32, 3, dtype=torch.bool)] * 2)
    optimizer = torch.optim.Adam(d.parameters(), 1e-2)
    for _ in range(40):
        with torch.no_grad():
            fake = generator.sample(Batch.blank(32, 3))
        optimizer.zero_grad()
        tested.discriminator(d, real, fake).value.backward()
        optimizer.step()
    d.eval()
    losses = Rollout(generator, 4).losses(
        generator, lambda samples: tested.reward(d, samples, real), Batch.blank(200, 3)
    )
    next(losses).value.backward()
    assert generator.table.grad is not None
    assert generator.table.grad.sum(0).argmin().item() == 2


def small(vocab: Vocabulary) -> TextCnn:
    return TextCnn(vocab, embed_dim=8, widths=(1, 2), filters=8)


def test_recipes_use_it_by_name() -> None:
    component = registry.find("loss", "ranking")
    assert component.load() is Ranking
    known = spec.read(component)
    assert known.traits["requires"] == {"features"}
    assert all(option.doc for option in known.options.values())
    assert recipe.load("rankgan").filled["loss"]["name"] == "ranking"
    assert recipe.load("paper/rankgan").filled["loss"]["form"] == "released"
    with pytest.raises(recipe.RecipeError, match="gamma"):
        recipe.load("rankgan", ["loss.gamma=0"])


FEATURELESS = '''
import textgan
from textgan.roles import Discriminator


@textgan.register("discriminator", "featureless")
class Featureless(Discriminator):
    """Scores without features."""

    def forward(self, samples):
        raise NotImplementedError
'''


def test_a_discriminator_without_features_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_added", [])
    (tmp_path / "featureless.py").write_text(FEATURELESS, encoding="utf-8")
    registry.load_plugin(tmp_path / "featureless.py")
    with pytest.raises(recipe.RecipeError, match='"ranking" needs a discriminator that offers features'):
        recipe.load("rankgan", ["discriminator=featureless"])

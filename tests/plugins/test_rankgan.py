"""The ranking loss beside plain Python loops, and the mistakes that can be made with it."""

from __future__ import annotations

import ast
import inspect
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
from textgan.core.roles import Discriminator
from textgan.core.types import Batch, Samples, Scores, Vocabulary
from textgan.discriminators.text_cnn import TextCnn
from textgan.estimators.rollout import Rollout
from textgan.testing import TabularGenerator, check_loss, tiny_vocabulary
from textgan_plugins.rankgan import loss as module
from textgan_plugins.rankgan.loss import Ranking, shares

Form = Literal["paper", "released"]
FORMS: tuple[Form, ...] = ("paper", "released")


class Table(Discriminator):
    """The features of a sentence are a row of a table, that of its first word."""

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


def of(words: range) -> Samples:
    x = torch.tensor(words, dtype=torch.long).unsqueeze(1)
    return Samples(x, *[torch.ones_like(x, dtype=torch.bool)] * 2)


REAL, FAKE = range(7), range(7, 12)
GAMMA = 1.7


def ranker() -> Table:
    return Table(torch.randn(12, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64))


def cosine(one: list[float], other: list[float]) -> float:
    product = sum(a * b for a, b in zip(one, other, strict=True))
    return product / math.sqrt(sum(a * a for a in one)) / math.sqrt(sum(b * b for b in other))


def log_rank(y: list[list[float]], s: int, references: range, comparison: range) -> float:
    """log R(s|U,C), a reference and a sentence at a time."""
    logs = []
    for u in references:
        weights = {other: math.exp(GAMMA * cosine(y[other], y[u])) for other in (*comparison, s)}
        logs.append(math.log(weights[s] / sum(weights.values())))
    return sum(logs) / len(logs)


def score(y: list[list[float]], s: int, references: range) -> float:
    return GAMMA * sum(cosine(y[s], y[u]) for u in references)


def by_hand(form: Form, y: list[list[float]]) -> float:
    """The ranker's loss of 7 real sentences, the first two of them references, and 5 written ones; C of three."""
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
def test_the_rankers_loss_and_its_gradient_are_those_of_the_formula(form: Form) -> None:
    d = ranker()
    value, stats = ranking(form).discriminator(d, of(REAL), of(FAKE))
    table = d.rows.tolist()
    assert value.item() == pytest.approx(by_hand(form, table), abs=1e-12)
    assert stats["d_loss"] == value
    value.backward()
    assert d.rows.grad is not None
    for row in range(12):
        for column in range(3):
            slopes = []
            for step in (1e-5, -1e-5):
                nudged = [list(r) for r in table]
                nudged[row][column] += step
                slopes.append(by_hand(form, nudged))
            assert d.rows.grad[row, column].item() == pytest.approx((slopes[0] - slopes[1]) / 2e-5, abs=1e-8)


def test_a_fake_earns_the_logarithm_of_its_rank_among_real_ones() -> None:
    d, found = ranker(), ranking("paper")
    y = d.rows.tolist()
    expected = [log_rank(y, s, REAL[:2], REAL[2:5]) for s in FAKE]
    paid = found.reward(d, of(FAKE), of(REAL))
    assert paid.shape == (5, 1)
    assert paid[:, 0].tolist() == pytest.approx(expected, abs=1e-12)
    assert not d.graded
    assert not paid.requires_grad


def test_released_it_earns_its_share_of_a_group_of_fakes() -> None:
    d = ranker()
    y = d.rows.tolist()
    weights = [math.exp(score(y, s, REAL[:2])) for s in FAKE]
    first = [w / sum(weights[:3]) for w in weights[:3]]
    rest = [w / sum(weights[3:]) * 2 / 3 for w in weights[3:]]  # two in a group for three: scaled like the others
    paid = ranking("released").reward(d, of(FAKE), of(REAL))
    assert paid.shape == (5, 1)
    assert paid[:, 0].tolist() == pytest.approx([*first, *rest], abs=1e-12)
    assert paid.sum().item() == pytest.approx(1 + 2 / 3)


@pytest.mark.parametrize("count", [0, 1, 3, 4, 6])
def test_the_mean_share_is_one_in_a_group(count: int) -> None:
    torch.manual_seed(0)
    found = shares(torch.randn(count), 3).exp()
    assert found.shape == (count,)
    assert found.sum().item() == pytest.approx(count / 3)


def test_in_the_released_loss_the_softmax_cancels() -> None:
    d = ranker()
    y = d.rows.tolist()
    on_real, on_fake = ([score(y, s, REAL[:2]) for s in words] for words in (REAL[2:], FAKE))
    value, _ = ranking("released").discriminator(d, of(REAL), of(FAKE))
    assert value.item() == pytest.approx(sum(on_fake) / 5 - sum(on_real) / 5, abs=1e-12)


def test_roll_outs_of_one_prefix_length_share_a_released_softmax() -> None:
    """As in the authors' code, where no sentence ends early: the groups are those of the roll-outs' order."""
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
def test_the_middle_between_the_kinds_is_where_accuracy_is_counted_from(form: Form) -> None:
    """Of 5 real sentences, 4 point at the references; of 2 written ones, 1 points away. The middle is at 0.65."""
    d = Table(torch.tensor([[1.0, 0.0]] * 7 + [[0.0, 1.0]] + [[1.0, 0.0], [0.0, 1.0]]))
    _, stats = Ranking(form, references=3).discriminator(d, of(range(8)), of(range(8, 10)))
    assert stats["d_accuracy_real"].item() == pytest.approx(0.8)
    assert stats["d_accuracy_fake"].item() == 0.5
    assert not any(value.requires_grad for value in stats.values())


@pytest.mark.parametrize("form", FORMS)
def test_pieces_bound_the_memory_and_change_nothing(form: Form, monkeypatch: pytest.MonkeyPatch) -> None:
    d, tested = ranker(), ranking(form)
    whole = tested.reward(d, of(FAKE), of(REAL))
    for rows in (1, 2, 5):
        monkeypatch.setattr(module, "ROWS", rows)
        torch.testing.assert_close(tested.reward(d, of(FAKE), of(REAL)), whole)
    assert tested.reward(d, of(range(7, 7)), of(REAL)).shape == (0, 1)


class Largest(TorchDispatchMode):
    """Remembers the largest tensor that anything returned."""

    numbers = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        if isinstance(out, Tensor):
            self.numbers = max(self.numbers, out.numel())
        return out


@pytest.mark.parametrize("form", FORMS)
def test_twenty_thousand_roll_outs_fit(form: Form) -> None:
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
    value, _ = tested.discriminator(d, of(REAL), of(FAKE))
    value.backward()
    assert value.isfinite()
    assert d.rows.grad is not None
    assert d.rows.grad.isfinite().all()
    assert tested.reward(d, of(FAKE), of(REAL)).isfinite().all()


@pytest.mark.parametrize("form", FORMS)
def test_a_reward_is_no_matter_of_chance(form: Form) -> None:
    d, tested = ranker(), ranking(form, dropout=0.5)
    state = torch.get_rng_state()
    torch.testing.assert_close(tested.reward(d, of(FAKE), of(REAL)), tested.reward(d, of(FAKE), of(REAL)))
    assert torch.equal(torch.get_rng_state(), state)


def test_dropout_is_on_while_the_ranker_learns_and_only_then() -> None:
    d, tested, plain = ranker(), ranking("paper", dropout=0.5), ranking("paper")
    assert tested.discriminator(d, of(REAL), of(FAKE)).value == plain.discriminator(d, of(REAL), of(FAKE)).value
    d.train()
    torch.manual_seed(0)
    assert tested.discriminator(d, of(REAL), of(FAKE)).value != plain.discriminator(d, of(REAL), of(FAKE)).value


@pytest.mark.parametrize("form", FORMS)
def test_a_gradient_reaches_fakes_that_carry_one(form: Form) -> None:
    d = ranker()
    x = torch.rand(5, 1, 12, dtype=torch.float64).softmax(2).requires_grad_()
    fake = Samples(x, *[torch.ones(5, 1, dtype=torch.bool)] * 2)
    paid = ranking(form).reward(d, fake, of(REAL))
    paid[0].sum().backward()
    assert x.grad is not None
    assert x.grad[0].any()
    d.rows.requires_grad_(False)
    torch.testing.assert_close(paid.detach(), ranking(form).reward(d, fake.with_x(x.detach()), of(REAL)))


def test_small_batches_give_half_of_themselves_as_references() -> None:
    d = ranker()
    y = d.rows.tolist()
    paid = Ranking(gamma=GAMMA).reward(d, of(FAKE), of(REAL[:5]))
    assert paid[:, 0].tolist() == pytest.approx([log_rank(y, s, REAL[:2], REAL[2:5]) for s in FAKE], abs=1e-12)
    with pytest.raises(UserError, match="2 real sequences or more to compare with, not 1"):
        Ranking().reward(d, of(FAKE), of(REAL[:1]))


@pytest.mark.parametrize("form", FORMS)
def test_does_what_every_loss_must(form: Form) -> None:
    check_loss(Ranking(form, references=4, comparison=32), small)


class PaysFakesForBeingOthers(Ranking):
    """Wrong: a fake is compared with fakes, and paid for being unlike the references."""

    def reward(self, d: Discriminator, fake: Samples, real: Samples) -> Tensor:
        return -super().reward(d, fake, real)


def test_a_wrong_sign_is_caught() -> None:
    with pytest.raises(AssertionError, match="higher reward"):
        check_loss(PaysFakesForBeingOthers(references=4), small)


def test_a_generator_learns_from_its_rank() -> None:
    """The ranker learns which words are real, and the roll-outs' gradient points at them."""
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
    steps = Rollout(generator, 4).losses(generator, lambda made: tested.reward(d, made, real), Batch.blank(200, 3))
    next(steps).value.backward()
    assert generator.table.grad is not None
    assert generator.table.grad.sum(0).argmin().item() == 2


def small(vocab: Vocabulary) -> TextCnn:
    return TextCnn(vocab, embed_dim=8, widths=(1, 2), filters=8)


def test_recipes_name_it() -> None:
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
from textgan.core.roles import Discriminator


@textgan.register("discriminator", "featureless")
class Featureless(Discriminator):
    """Judges, and does not say why."""

    def forward(self, samples):
        raise NotImplementedError
'''


def test_a_discriminator_without_features_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_added", [])
    (tmp_path / "featureless.py").write_text(FEATURELESS, encoding="utf-8")
    registry.load_plugin(tmp_path / "featureless.py")
    with pytest.raises(recipe.RecipeError, match='"ranking" needs a discriminator that offers features'):
        recipe.load("rankgan", ["discriminator=featureless"])


def test_it_uses_nothing_but_the_public_interface() -> None:
    public = {"textgan.core.errors", "textgan.core.options", "textgan.core.roles", "textgan.core.types"}
    tree = ast.parse(Path(inspect.getfile(module)).read_text(encoding="utf-8"))
    used = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name for name in used if name.startswith("textgan")} <= public

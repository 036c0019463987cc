from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from support.opponents import FAKE, REAL, Fixed, opponent, token_opponent
from torch.nn import functional as F

from textgan.core.roles import Discriminator
from textgan.core.types import Samples, Scores, Vocabulary
from textgan.discriminators.mlp import Mlp
from textgan.discriminators.text_cnn import TextCnn
from textgan.discriminators.token_lstm import TokenLstm
from textgan.losses import functional
from textgan.losses.functional import score_both
from textgan.testing.fixtures import GaussianCodes
from textgan_plugins.maskgan.discriminator import TokenAttention

VOCAB = Vocabulary(9, bos=1, eos=2, pad=0, forbidden_ids=(0, 1))
DISCRIMINATORS: dict[str, Callable[[], Discriminator]] = {
    "text_cnn": lambda: TextCnn(VOCAB, 6, (1, 3, 9), 5),
    "token_lstm": lambda: TokenLstm(VOCAB, 6, 5),
    "token_attention": lambda: TokenAttention(VOCAB, 6, 8),
}


def test_shares_are_of_the_scores_that_count() -> None:
    each, weight = torch.tensor([[1.0, 7.0], [3.0, 9.0]]), torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    assert functional.masked_share(each > 2, weight).item() == 0.5
    assert functional.masked_share(each > 2, torch.zeros(2, 2)).item() == 0


def test_accuracies_use_the_threshold() -> None:
    d = opponent()
    stats = {t: functional.accuracies(d(REAL), d(FAKE), t) for t in (0.0, 1.0, 3.0)}
    assert {t: (s["d_accuracy_real"].item(), s["d_accuracy_fake"].item()) for t, s in stats.items()} == {
        0.0: (0.5, 0.5),
        1.0: (0.5, 1.0),
        3.0: (0.0, 1.0),
    }


def test_pairs_are_row_by_row_and_count_where_both_scores_do() -> None:
    d = token_opponent()
    found = functional.pairs(d(REAL), d(FAKE))
    assert found.logits[0].tolist() == pytest.approx([1.5, 80.0])
    assert found.weight.tolist() == [[1, 0], [0, 0]]
    two, three = (Scores(torch.arange(n).float().unsqueeze(1), torch.ones(n, 1)) for n in (2, 3))
    assert functional.pairs(two, three).logits.tolist() == [[0], [0]]
    assert functional.pairs(three, two).weight.tolist() == [[1], [1]]


def test_scores_of_fakes_have_gradients_only_if_the_samples_do() -> None:
    d = Fixed(real=torch.ones(2, 1), fake=torch.ones(2, 1))
    assert not functional.score_fake(d, FAKE).logits.requires_grad
    with_gradients = FAKE.with_x(torch.zeros(2, 3).requires_grad_())
    assert functional.score_fake(d, with_gradients).logits.requires_grad


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_is_over_the_scores_that_count(smoothing: float) -> None:
    d = token_opponent()
    on_real, on_fake = d(REAL), d(FAKE)
    log_d, log_not_d = F.logsigmoid(torch.tensor([2.0, -1.0, 0.3])), F.logsigmoid(-torch.tensor([2.0, -1.0, 0.3]))
    real = -((1 - smoothing) * log_d + smoothing * log_not_d).mean()
    fake = -F.logsigmoid(-torch.tensor([0.5, -3.0])).mean()
    found = functional.cross_entropy(on_real, on_fake, smoothing)
    assert found.item() == pytest.approx(((real + fake) / 2).item())


def test_reward_transforms() -> None:
    logits = torch.tensor([[-2.0, 0.0, 3.0]])
    found = {name: transform(logits) for name, transform in functional.REWARD_TRANSFORMS.items()}
    torch.testing.assert_close(found["probability"], 1 / (1 + (-logits).exp()))
    torch.testing.assert_close(found["log_probability"], found["probability"].log())
    assert torch.equal(found["logit"], logits)


def sentences(rows: int, length: int, seed: int) -> Samples:
    torch.manual_seed(seed)
    valid = torch.arange(length) < torch.randint(1, length + 1, (rows, 1))
    chosen = valid & (torch.rand(rows, length) < 0.7)
    return Samples(torch.randint(2, 9, (rows, length)).masked_fill(~valid, 0), valid, chosen)


def check_score_both(d: Discriminator, real: Samples, fake: Samples) -> None:
    pairs = list(zip(score_both(d, real, fake), (d(real), d(fake)), strict=True))
    for one_pass, two_passes in pairs:
        torch.testing.assert_close(one_pass.logits, two_passes.logits)
        assert torch.equal(one_pass.weight, two_passes.weight)
    parameters = list(d.parameters())
    gradients = (
        torch.autograd.grad(
            sum(((-1.0) ** i * s[k].logits.sigmoid() * s[k].weight).sum() for i, s in enumerate(pairs)), parameters
        )  # type: ignore[arg-type]
        for k in (0, 1)
    )
    for one_pass, two_passes in zip(*gradients, strict=True):
        torch.testing.assert_close(one_pass, two_passes, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("lengths", [(5, 5), (5, 8), (1, 1)], ids=["equal", "unequal", "one token"])
@pytest.mark.parametrize("rows", [(4, 4), (1, 7), (6, 2)])
@pytest.mark.parametrize("name", DISCRIMINATORS)
def test_one_pass_equals_two(name: str, rows: tuple[int, int], lengths: tuple[int, int]) -> None:
    torch.manual_seed(0)
    check_score_both(
        DISCRIMINATORS[name]().eval(), sentences(rows[0], lengths[0], 1), sentences(rows[1], lengths[1], 2)
    )


@pytest.mark.parametrize("name", ["text_cnn", "token_lstm"])
def test_one_pass_equals_two_on_the_simplex(name: str) -> None:
    torch.manual_seed(0)
    real, fake = (s.with_x(F.one_hot(s.x, 9).float()) for s in (sentences(4, 5, 1), sentences(3, 5, 2)))
    fake = fake.with_x((fake.x + torch.rand_like(fake.x)).softmax(2))
    check_score_both(DISCRIMINATORS[name]().eval(), real, fake)


def test_one_pass_equals_two_on_codes() -> None:
    torch.manual_seed(0)
    masks = [torch.ones(n, 1, dtype=torch.bool) for n in (4, 3)]
    real, fake = (Samples(torch.randn(len(mask), 6), mask, mask) for mask in masks)
    check_score_both(Mlp(GaussianCodes(6), 8).eval(), real, fake)


def test_equal_lengths_take_one_pass() -> None:
    class Counting(Discriminator):
        passes = 0

        def forward(self, samples: Samples) -> Scores:
            self.passes += 1
            logits = samples.x[:, :1].float()
            return Scores(logits, torch.ones_like(logits))

    d = Counting()
    score_both(d, sentences(4, 5, 1), sentences(3, 5, 2))
    assert d.passes == 1
    score_both(d, sentences(4, 5, 1), sentences(3, 6, 2))
    assert d.passes == 3

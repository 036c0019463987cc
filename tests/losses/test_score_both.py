"""Real and written text in one pass: the verdicts, and the gradients, of two passes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch.nn import functional

from textgan.discriminators.mlp import Mlp
from textgan.discriminators.text_cnn import TextCnn
from textgan.discriminators.token_lstm import TokenLstm
from textgan.losses.functional import score_both
from textgan.core.roles import Discriminator
from textgan.testing.fixtures import GaussianCodes
from textgan.core.types import Samples, Scores, Vocabulary
from textgan_plugins.maskgan.discriminator import TokenAttention

VOCAB = Vocabulary(9, bos=1, eos=2, pad=0, forbidden_ids=(0, 1))
JUDGES: dict[str, Callable[[], Discriminator]] = {
    "text_cnn": lambda: TextCnn(VOCAB, 6, (1, 3, 9), 5),
    "token_lstm": lambda: TokenLstm(VOCAB, 6, 5),
    "token_attention": lambda: TokenAttention(VOCAB, 6, 8),
}


def sentences(rows: int, length: int, seed: int) -> Samples:
    torch.manual_seed(seed)
    valid = torch.arange(length) < torch.randint(1, length + 1, (rows, 1))
    chosen = valid & (torch.rand(rows, length) < 0.7)
    return Samples(torch.randint(2, 9, (rows, length)).masked_fill(~valid, 0), valid, chosen)


def check(d: Discriminator, real: Samples, fake: Samples) -> None:
    pairs = list(zip(score_both(d, real, fake), (d(real), d(fake)), strict=True))
    for ours, theirs in pairs:
        torch.testing.assert_close(ours.logits, theirs.logits)
        assert torch.equal(ours.weight, theirs.weight)
    parameters = list(d.parameters())
    one, two = (
        torch.autograd.grad(
            sum(((-1.0) ** i * s[k].logits.sigmoid() * s[k].weight).sum() for i, s in enumerate(pairs)), parameters
        )  # type: ignore[arg-type]
        for k in (0, 1)
    )
    for ours, theirs in zip(one, two, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("lengths", [(5, 5), (5, 8), (1, 1)], ids=["equal", "unequal", "one word"])
@pytest.mark.parametrize("rows", [(4, 4), (1, 7), (6, 2)])
@pytest.mark.parametrize("judge", JUDGES)
def test_one_pass_is_two(judge: str, rows: tuple[int, int], lengths: tuple[int, int]) -> None:
    torch.manual_seed(0)
    check(JUDGES[judge]().eval(), sentences(rows[0], lengths[0], 1), sentences(rows[1], lengths[1], 2))


@pytest.mark.parametrize("judge", ["text_cnn", "token_lstm"])
def test_so_it_is_of_blurred_words(judge: str) -> None:
    torch.manual_seed(0)
    real, fake = (s.with_x(functional.one_hot(s.x, 9).float()) for s in (sentences(4, 5, 1), sentences(3, 5, 2)))
    fake = fake.with_x((fake.x + torch.rand_like(fake.x)).softmax(2))
    check(JUDGES[judge]().eval(), real, fake)


def test_so_it_is_of_codes() -> None:
    torch.manual_seed(0)
    marks = [torch.ones(n, 1, dtype=torch.bool) for n in (4, 3)]
    real, fake = (Samples(torch.randn(len(mark), 6), mark, mark) for mark in marks)
    check(Mlp(GaussianCodes(6), 8).eval(), real, fake)


def test_it_is_one_pass() -> None:
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

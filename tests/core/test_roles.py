"""What roles do by default, for components that define only what they have to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import textgan.roles
from textgan.core import roles
from textgan.core.roles import Discriminator, Estimator, Generator, RewardFn, TokenSampler
from textgan.core.types import Batch, Loss, Samples, Scores


class Minimal(Generator):
    def __init__(self) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.randn(5))

    def sample(self, batch: Batch, token_sampler: TokenSampler | None = None) -> Samples:
        assert not torch.is_grad_enabled()
        return self.real(batch)

    def likelihood(self, batch: Batch) -> Loss:
        return Loss(self.logits.sum(), {})

    def log_prob(self, samples: Samples) -> Tensor:
        return self.logits.log_softmax(0)[samples.x] * samples.valid


class Sums(Discriminator):
    def forward(self, samples: Samples) -> Scores:
        return Scores(samples.x.float().sum(1, keepdim=True), torch.ones(len(samples), 1))


class OneLoss(Estimator):
    def losses(self, generator: Generator, reward: RewardFn, batch: Batch) -> Iterator[Loss]:
        yield Loss(torch.zeros(()), {})


def batch() -> Batch:
    tokens = torch.tensor([[1, 2, 3], [4, 0, 0]])
    valid = torch.tensor([[True, True, True], [True, False, False]])
    return Batch(tokens, valid, torch.tensor([[True, False, False], [False, False, False]]))


def test_real_samples_are_chosen_where_valid_and_not_given() -> None:
    b = batch()
    real = Minimal().real(b)
    assert torch.equal(real.x, b.tokens)
    assert torch.equal(real.valid, b.valid)
    assert real.chosen.tolist() == [[False, True, True], [True, False, False]]
    assert Minimal().decode(real) is real


def test_the_policy_loss_is_the_score_function_surrogate() -> None:
    """Its gradient is minus the advantage times the score, over chosen tokens, averaged over sequences."""
    generator, samples = Minimal(), Minimal().real(batch())
    advantage = torch.tensor([[7.0, 2.0, -1.0], [3.0, 9.0, 9.0]])
    (found,) = torch.autograd.grad(generator.policy_loss(samples, advantage), generator.logits)
    p = generator.logits.detach().softmax(0)
    one_hot = torch.eye(5)
    expected = -(2 * (one_hot[2] - p) - 1 * (one_hot[3] - p) + 3 * (one_hot[4] - p)) / 2
    torch.testing.assert_close(found, expected)


CALLS: dict[str, Callable[[Generator], Any]] = {
    "log_prob": lambda g: Generator.log_prob(g, g.real(batch())),
    "roll": lambda g: g.rollouts(g.real(batch()), 1),
    "inputs": lambda g: g.likelihood_with_inputs(batch(), batch().tokens),
    "codes": lambda g: g.encode(batch()),
    "no codes": lambda g: g.decode_codes(torch.zeros(2, 3), batch()),
    "posterior": lambda g: g.posterior(batch()),
}


@pytest.mark.parametrize("message", CALLS)
def test_a_capability_that_is_not_implemented_is_an_error(message: str) -> None:
    with pytest.raises(NotImplementedError, match=f"Minimal .*{message}"):
        CALLS[message](Minimal())


def test_shared_weights_are_the_state(tmp_path: Path) -> None:
    generator = Minimal()
    assert set(generator.shared_weights()) == {"logits"}
    generator.export(tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("rows", [1, 4096, 4097, 9000])
def test_scoring_in_pieces_equals_forward(rows: int) -> None:
    x = torch.randint(9, (rows, 2), generator=torch.Generator().manual_seed(rows))
    samples = Samples(x, *[torch.ones(rows, 2, dtype=torch.bool)] * 2)
    d = Sums()
    found, expected = d.score(samples), d(samples)
    assert torch.equal(found.logits, expected.logits)
    assert torch.equal(found.weight, expected.weight)
    assert d.penalty() == 0
    with pytest.raises(NotImplementedError, match="Sums has no features"):
        d.features(samples)


def test_scores_carry_no_gradients() -> None:
    class Weighted(Sums):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(()))

        def forward(self, samples: Samples) -> Scores:
            return Scores(super().forward(samples).logits * self.weight, torch.ones(len(samples), 1))

    samples = Minimal().real(batch())
    assert Weighted()(samples).logits.requires_grad
    assert not Weighted().score(samples).logits.requires_grad


def test_an_estimator_generates_fakes_without_gradients() -> None:
    generator, b = Minimal(), batch()
    assert torch.equal(OneLoss().fakes(generator, b).x, b.tokens)
    assert torch.equal(OneLoss().reals(generator, b).x, b.tokens)


@pytest.mark.parametrize(
    "role", ["Generator", "Discriminator", "AdversarialLoss", "Reward", "Estimator", "Objective", "Decoding", "Tracker"]
)
def test_roles_are_abstract_and_importable_by_plugins(role: str) -> None:
    cls: Any = getattr(roles, role)
    assert getattr(textgan.roles, role) is cls
    with pytest.raises(TypeError, match="abstract"):
        cls()

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch

from textgan.core.types import Samples, Scores
from textgan.discriminators.mlp import Mlp
from textgan.generators.lstm import Lstm
from textgan.testing import check_discriminator
from textgan.testing.fixtures import GaussianCodes, tiny_vocabulary


def codes(rows: int, size: int) -> Samples:
    torch.manual_seed(1)
    all_valid = torch.ones(rows, 4, dtype=torch.bool)
    return Samples(torch.randn(rows, size), all_valid, all_valid)


@pytest.mark.parametrize("blocks", [1, 3])
def test_it_meets_the_contract(blocks: int) -> None:
    check_discriminator(lambda vocab: Mlp(GaussianCodes(3), hidden_dim=16, blocks=blocks), code_dim=3)


def test_the_contract_finds_a_discriminator_that_reads_the_length() -> None:
    class ReadsLength(Mlp):
        def forward(self, samples: Samples) -> Scores:
            logits, weight = super().forward(samples)
            return Scores(logits + samples.valid.shape[1], weight)

    with pytest.raises(AssertionError, match="padding must have no effect"):
        check_discriminator(lambda vocab: ReadsLength(GaussianCodes(3)), code_dim=3)


def test_the_contract_finds_a_slope_without_a_gradient() -> None:
    class Flat(Mlp):
        def forward(self, samples: Samples) -> Scores:
            logits = samples.x.sum(1, keepdim=True) + self.output.bias
            return Scores(logits, torch.ones_like(logits))

    with pytest.raises(AssertionError, match="reaches no parameter"):
        check_discriminator(lambda vocab: Flat(GaussianCodes(3)), code_dim=3)


@torch.no_grad()
def test_logits_are_those_of_the_formula() -> None:
    torch.manual_seed(0)
    d, samples = Mlp(GaussianCodes(3), hidden_dim=5, blocks=2), codes(4, 3)
    weights = dict(d.named_parameters())

    def linear(name: str, x: torch.Tensor) -> torch.Tensor:
        return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    hidden = linear("body.enter", samples.x)
    for block in ("body.blocks.0", "body.blocks.1"):
        hidden = hidden + linear(f"{block}.outer", linear(f"{block}.inner", hidden).clamp_min(0))
    torch.testing.assert_close(d(samples).logits, linear("output", hidden))


def test_rows_are_scored_independently() -> None:
    """Otherwise the gradient penalty of one row would depend on others."""
    d, samples = Mlp(GaussianCodes(3)), codes(6, 3)
    x = samples.x.requires_grad_()
    (slope,) = torch.autograd.grad(d(samples.with_x(x)).logits[2].sum(), x)
    assert slope[2].any()
    assert not slope[[0, 1, 3, 4, 5]].any()


def test_gradients_reach_all_of_forty_blocks() -> None:
    torch.manual_seed(0)
    d, samples = Mlp(GaussianCodes(8), blocks=40), codes(6, 8)
    d(samples).logits.sum().backward()
    sizes: Sequence[float] = [p.grad.norm().item() for p in d.parameters() if p.grad is not None]
    assert min(sizes) > 1e-3
    assert max(sizes) < 1e4


def test_a_generator_without_codes_is_refused() -> None:
    with pytest.raises(ValueError, match="no latent codes; expected one that samples codes"):
        Mlp(Lstm(tiny_vocabulary()))

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from textgan.core.types import Samples, Vocabulary
from textgan.discriminators.text_cnn import TextCnn
from textgan.testing import check_discriminator

VOCAB = Vocabulary(9, bos=1, eos=2, pad=0, forbidden_ids=(0, 1))


def make(**options: object) -> TextCnn:
    torch.manual_seed(0)
    return TextCnn(VOCAB, **{"embed_dim": 6, "widths": (1, 3), "filters": 5, **options}).eval()  # type: ignore[arg-type]


def sentences(rows: int = 12, length: int = 5) -> Samples:
    torch.manual_seed(1)
    valid = torch.arange(length) < torch.randint(1, length + 1, (rows, 1))
    return Samples(torch.randint(2, 9, (rows, length)).masked_fill(~valid, 0), valid, valid)


@pytest.mark.parametrize("filters", [8, [2, 5, 3]])
def test_it_meets_the_contract(filters: int | list[int]) -> None:
    check_discriminator(lambda vocab: TextCnn(vocab, embed_dim=8, widths=(1, 2, 9), filters=filters))


@pytest.mark.parametrize(("rows", "length"), [(1, 1), (12, 5), (3, 2), (200, 30)])
def test_score_equals_forward(rows: int, length: int) -> None:
    d, samples = make(widths=(1, 2, 4, 40)), sentences(rows, length)
    torch.testing.assert_close(d.score(samples).logits, d(samples).logits)
    assert not d.score(samples).logits.requires_grad


def test_ids_and_one_hot_points_have_equal_scores() -> None:
    d, samples = make(), sentences()
    soft = samples.with_x(torch.nn.functional.one_hot(samples.x, 9).float().requires_grad_())
    torch.testing.assert_close(d(soft).logits, d(samples).logits)
    d(soft).logits.sum().backward()
    assert soft.x.grad is not None
    assert soft.x.grad.any()


@torch.no_grad()
def test_the_probability_is_the_papers_softmax() -> None:
    d, samples = make(), sentences()
    outputs = d.output(d.features(samples))  # [B,2]
    torch.testing.assert_close(d(samples).logits.sigmoid()[:, 0], outputs.softmax(1)[:, 1])


@torch.no_grad()
@pytest.mark.parametrize(
    ("init", "gate", "highway", "filters", "embeddings"),
    [
        ("highway_carry", (-2, -2), 0.2, 0.2, 1.0),
        ("glorot", None, math.sqrt(0.03), 0.2, 1.0),
        ("uniform", None, math.sqrt(0.03), 0.1, 0.1),
    ],
)
def test_parameters_are_initialised_as_in_the_released_codes(
    init: str, gate: tuple[float, float] | None, highway: float, filters: float, embeddings: float
) -> None:
    d = make(filters=50, init=init)  # 100 features: sqrt(6 / 200) = sqrt(3 / 100) = 0.173 bounds weights and biases
    low, high = gate or (-0.173, 0.173)
    assert low == pytest.approx(float(d.gate.bias.min()), abs=0.02)
    assert high == pytest.approx(float(d.gate.bias.max()), abs=0.02)
    for weights, bound in (
        (d.transform.weight, highway),
        (d.gate.weight, highway),
        (d.convolution.filters[1].weight, filters),
        (d.embedding.weight, embeddings),
    ):
        assert isinstance(weights, torch.Tensor)
        assert 0.9 * bound < weights.abs().max() <= 1.001 * bound
    assert float(d.output.weight.std()) == pytest.approx(0.088, abs=0.01)


@torch.no_grad()
def test_the_highway_gate_selects_input_or_transform() -> None:
    d, samples = make(), sentences()
    pooled = d.convolution(d.embedding(samples.x), samples.valid)
    d.gate.weight.zero_()
    d.gate.bias.fill_(-50.0)
    torch.testing.assert_close(d.features(samples), pooled)
    d.gate.bias.fill_(50.0)
    torch.testing.assert_close(d.features(samples), d.transform(pooled).relu())


def test_dropout_is_on_in_training_only() -> None:
    d, samples = make(dropout=0.5), sentences()
    assert torch.equal(d.score(samples).logits, d.score(samples).logits)
    d.train()
    assert not torch.equal(d(samples).logits, d(samples).logits)


def test_default_parameters_are_initialised_from_these_distributions() -> None:
    torch.manual_seed(0)
    d = TextCnn(Vocabulary(500, 0, None, 0))
    assert d.embedding.weight.min() < -0.99
    assert d.embedding.weight.max() > 0.99
    layers = {
        "transform": d.transform,
        "gate": d.gate,
        "output": d.output,
        **dict(d.convolution.filters.named_children()),
    }
    for name, layer in layers.items():
        assert layer.weight.abs().max() <= 0.2, name
        assert layer.weight.std().item() == pytest.approx(0.088, rel=5 / math.sqrt(layer.weight.numel())), name
        assert torch.equal(layer.bias, torch.full_like(layer.bias, -2.0 if name == "gate" else 0.1)), name


@torch.no_grad()
def test_the_penalty_is_on_the_output_layer_only() -> None:
    d = make(l2=0.2, filters=1, widths=(1,))
    d.output.weight.copy_(torch.tensor([[1.0], [2.0]]))
    d.output.bias.copy_(torch.tensor([3.0, 0.0]))
    assert d.penalty().item() == pytest.approx(0.2 * 0.5 * (1 + 4 + 9))
    for name, parameter in d.named_parameters():
        if not name.startswith("output"):
            parameter.fill_(100.0)
    assert d.penalty().item() == pytest.approx(1.4)


def test_second_derivatives_exist() -> None:
    d, samples = make(), sentences()
    x = torch.nn.functional.one_hot(samples.x, 9).float().requires_grad_()
    (slope,) = torch.autograd.grad(d(samples.with_x(x)).logits.sum(), x, create_graph=True)
    slope.square().sum().backward()
    assert d.embedding.weight.grad is not None
    assert d.embedding.weight.grad.any()


def test_filters_that_do_not_fit_the_widths_are_refused() -> None:
    with pytest.raises(ValueError, match=r"filters=\[1, 2, 3\]: 3 numbers for 2 widths"):
        TextCnn(VOCAB, widths=(1, 2), filters=(1, 2, 3))


def test_with_spectral_norm_it_meets_the_contract() -> None:
    check_discriminator(lambda vocab: TextCnn(vocab, embed_dim=8, widths=(1, 2, 9), filters=8, spectral_norm=True))


@pytest.mark.parametrize(("rows", "length"), [(3, 2), (200, 30)])
def test_spectral_norm_score_equals_forward(rows: int, length: int) -> None:
    d, samples = make(widths=(1, 2, 4, 40), spectral_norm=True), sentences(rows, length)
    torch.testing.assert_close(d.score(samples).logits, d(samples).logits)
    soft = samples.with_x(torch.nn.functional.one_hot(samples.x, 9).float())
    torch.testing.assert_close(d.score(soft).logits, d(samples).logits)


def test_spectral_norm_bounds_the_norm_of_every_layer() -> None:
    d, samples = make(spectral_norm=True).train(), sentences()
    for _ in range(50):
        d(samples)
    layers = [d.embedding, *d.convolution.filters, d.transform, d.gate, d.output]
    norms = [torch.linalg.matrix_norm(layer.weight, 2).item() for layer in layers]
    assert norms == pytest.approx([1] * len(layers), abs=1e-2)
    assert torch.linalg.matrix_norm(make().embedding.weight, 2) > 1.5


def test_scoring_does_not_update_the_power_iteration() -> None:
    d, samples = make(spectral_norm=True), sentences(200)
    before = {name: value.clone() for name, value in d.state_dict().items()}
    first = d.score(samples).logits
    assert torch.equal(d.score(samples).logits, first)
    assert all(torch.equal(value, before[name]) for name, value in d.state_dict().items())


def test_spectral_norm_is_restored_from_a_checkpoint(tmp_path: Path) -> None:
    d, samples = make(spectral_norm=True).train(), sentences()
    optimizer = torch.optim.Adam(d.parameters(), 0.1)
    for _ in range(3):
        d(samples).logits.sum().backward()
        optimizer.step()
    save_file(d.state_dict(), tmp_path / "d.safetensors")
    torch.manual_seed(5)
    other = TextCnn(VOCAB, embed_dim=6, widths=(1, 3), filters=5, spectral_norm=True)
    other.load_state_dict(load_file(tmp_path / "d.safetensors"))
    assert torch.equal(other.eval().score(samples).logits, d.eval().score(samples).logits)


# Scores of many sequences are computed by table look-ups.

SHAPES = [
    # V, T, rows, widths, filters. Small text; SeqGAN's filters; long text; few tokens of a large vocabulary
    (7, 2, 3000, (1, 2, 3), 4),
    (300, 20, 5000, (1, 2, 3, 10, 15, 20), (10, 20, 20, 10, 16, 16)),
    (50, 61, 700, (4, 5), 3),
    (20_000, 6, 200, (2, 5), 8),
]


@torch.no_grad()
@pytest.mark.parametrize("shape", SHAPES)
def test_scores_of_many_rows_equal_those_of_the_formula(
    shape: tuple[int, int, int, tuple[int, ...], int | tuple[int, ...]],
) -> None:
    size, length, rows, widths, filters = shape
    torch.manual_seed(size)
    d = TextCnn(Vocabulary(size, bos=0, eos=None, pad=0), 8, widths, filters).eval()
    valid = torch.arange(length) < torch.randint(length + 1, (rows, 1))
    samples = Samples(torch.randint(size, (rows, length)), valid, valid)
    chunks = [samples[rows] for rows in torch.arange(rows).split(97)]
    logits = [d._classify(d.convolution(d.embedding(chunk.x), chunk.valid)).logits for chunk in chunks]
    expected = torch.cat(logits)
    torch.testing.assert_close(d.score(samples).logits, expected, rtol=1e-4, atol=1e-5)
    assert expected.std() > 0.01

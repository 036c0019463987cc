"""The LSTM oracle: its probabilities by hand, its samples and its entropy."""

from __future__ import annotations

import math
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from support.oracles import arrays
from support.paths import SHARED

from textgan.core.errors import UserError
from textgan.data.sources.oracle import LstmOracle, OracleLstm, sample
from textgan.data.sources.oracle_weights import LstmWeights

RELEASED = SHARED / "oracle"


def log_prob_by_hand(w: dict[str, np.ndarray], tokens: tuple[int, ...]) -> float:
    def sigmoid(x: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-x))

    h = c = np.zeros(w["b_i"].shape)
    total, previous = 0.0, 0
    for token in tokens:
        x = w["embedding"][previous]
        i, f, o = (sigmoid(x @ w[f"W_{g}"] + h @ w[f"U_{g}"] + w[f"b_{g}"]) for g in "ifo")
        c = f * c + i * np.tanh(x @ w["W_c"] + h @ w["U_c"] + w["b_c"])
        h = o * np.tanh(c)
        logits = h @ w["W_out"] + w["b_out"]
        total += logits[token] - np.log(np.exp(logits).sum())
        previous = token
    return float(total)


@pytest.fixture
def small() -> LstmOracle:
    return LstmOracle(LstmWeights.of(arrays()), length=3)


def test_log_prob_is_the_formula(small: LstmOracle) -> None:
    every = list(product(range(4), repeat=3))
    tokens = torch.tensor(every)
    found = small.log_prob(tokens, torch.ones_like(tokens, dtype=torch.bool))
    by_hand = torch.tensor([log_prob_by_hand(arrays(), row) for row in every])
    torch.testing.assert_close(found, by_hand)
    assert found.exp().sum().item() == pytest.approx(1, abs=1e-5)


def test_padding_does_not_count(small: LstmOracle) -> None:
    valid = torch.tensor([[True, True, False], [True, False, False]])
    found = small.log_prob(torch.tensor([[1, 2, 0], [3, 0, 0]]), valid)
    by_hand = [log_prob_by_hand(arrays(), (1, 2)), log_prob_by_hand(arrays(), (3,))]
    torch.testing.assert_close(found, torch.tensor(by_hand))
    assert small.log_prob(torch.zeros(0, 3, dtype=torch.long), torch.zeros(0, 3, dtype=torch.bool)).shape == (0,)


def test_chunks_do_not_change_results(small: LstmOracle, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = torch.randint(4, (50, 3))
    valid = torch.ones_like(tokens, dtype=torch.bool)
    whole, sampled = small.log_prob(tokens, valid), sample(small.lstm, 50, 3, 1)
    monkeypatch.setattr(
        "textgan.data.sources.oracle._chunks", lambda lstm, rows: [slice(i, i + 7) for i in range(0, rows, 7)]
    )
    torch.testing.assert_close(small.log_prob(tokens, valid), whole)
    assert sample(small.lstm, 50, 3, 1).shape == sampled.shape


def test_samples_have_the_oracles_distribution_and_leave_the_random_state_unchanged(small: LstmOracle) -> None:
    before = torch.get_rng_state()
    sampled = sample(small.lstm, 40_000, 3, seed=1)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(sample(small.lstm, 40_000, 3, seed=1), sampled)
    assert not torch.equal(sample(small.lstm, 40_000, 3, seed=2), sampled)
    counts = torch.bincount(sampled @ torch.tensor([16, 4, 1]), minlength=64) / 40_000
    p = torch.tensor([math.exp(log_prob_by_hand(arrays(), row)) for row in product(range(4), repeat=3)])
    assert (counts - p).abs().sum() < 0.05


def test_entropy_is_that_of_the_distribution(small: LstmOracle) -> None:
    logs = [log_prob_by_hand(arrays(), row) for row in product(range(4), repeat=3)]
    exact = -sum(math.exp(log) * log for log in logs) / 3
    assert abs(small.entropy - exact) < 4 * small.entropy_error
    assert 0 < small.entropy_error < 0.01


def test_random_weights_depend_on_their_own_seed() -> None:
    def first(oracle_seed: int, seed: int) -> tuple[float, str]:
        source = OracleLstm(
            oracle_seed=oracle_seed, size=50, hidden_dim=8, length=5, sequences=20, test=3, validation=2
        )
        raw = source.read(seed)
        assert (len(raw.train), len(raw.validation), len(raw.test)) == (20, 2, 3)
        return float(source.lstm.output[0, 0]), raw.train[0]

    assert first(1, 1) == first(1, 1)
    assert first(1, 1)[0] == first(1, 2)[0] != first(2, 1)[0]
    assert first(1, 1)[1] != first(1, 2)[1]
    weights = LstmWeights.random(2000, 32, 1)
    assert abs(float(weights.output.std()) - 1) < 0.05
    assert abs(float(weights.recurrent.std()) - 1) < 0.05


def test_released_oracle_has_the_published_numbers() -> None:
    if not RELEASED.is_dir():
        pytest.skip("the released oracle is not on this machine")
    lines = (RELEASED / "seqgan2017-train.txt").read_text().splitlines()
    tokens = torch.tensor([[int(word) for word in line.split()] for line in lines])[:5000]
    oracle = LstmOracle(LstmWeights.load(str(RELEASED / "seqgan2017.npz")), length=20)
    valid = torch.ones_like(tokens, dtype=torch.bool)
    assert float(-oracle.log_prob(tokens, valid).mean() / 20) == pytest.approx(5.761, abs=0.01)
    uniform = torch.randint(5000, (2000, 20), generator=torch.Generator().manual_seed(1))
    assert float(-oracle.log_prob(uniform, valid[:2000]).mean() / 20) == pytest.approx(11.42, abs=0.06)
    own = sample(oracle.lstm, 4000, 20, seed=1)
    assert float(-oracle.log_prob(own, valid[:4000]).mean() / 20) == pytest.approx(5.755, abs=0.03)


def test_a_file_of_sequences_replaces_the_samples(tmp_path: Path) -> None:
    path = tmp_path / "train.txt"
    path.write_text("1 2 3\n3 2 1\n")
    options = {"size": 4, "hidden_dim": 2, "length": 3, "validation": 1, "test": 1}
    raw = OracleLstm(path=str(path), **options).read(1)
    assert raw.train == ["1 2 3", "3 2 1"]
    with pytest.raises(UserError, match="id 3 is too large for size=3"):
        OracleLstm(path=str(path), **(options | {"size": 3})).read(1)
    with pytest.raises(UserError, match=r"^data\.path=.*: sequence 1 has 3 tokens; expected data\.length=4"):
        OracleLstm(path=str(path), **(options | {"length": 4})).read(1)


def test_an_error_starts_with_the_option_that_names_the_weights() -> None:
    with pytest.raises(UserError, match=r"^data\.weights=nope\.npz: file not found"):
        OracleLstm(weights="nope.npz").read(1)

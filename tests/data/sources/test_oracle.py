from __future__ import annotations

import math
import pickle
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch

from support.paths import SHARED
from textgan.data.sources.oracle import LstmOracle, OracleLstm, sample
from textgan.data.tokenizers.builtin import numbers
from textgan.data.sources.oracle_weights import ORDER, LstmWeights, shapes
from textgan.core.errors import UserError

RELEASED = SHARED / "oracle"
Arrays = dict[str, np.ndarray]


def arrays(size: int = 4, embed_dim: int = 2, hidden_dim: int = 3) -> Arrays:
    rng = np.random.default_rng(1)
    return {
        name: rng.standard_normal(shape).astype(np.float32)
        for name, shape in shapes(size, embed_dim, hidden_dim).items()
    }


def log_prob_by_hand(w: Arrays, tokens: tuple[int, ...]) -> float:
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


def test_what_is_not_valid_does_not_count(small: LstmOracle) -> None:
    valid = torch.tensor([[True, True, False], [True, False, False]])
    found = small.log_prob(torch.tensor([[1, 2, 0], [3, 0, 0]]), valid)
    by_hand = [log_prob_by_hand(arrays(), (1, 2)), log_prob_by_hand(arrays(), (3,))]
    torch.testing.assert_close(found, torch.tensor(by_hand))
    assert small.log_prob(torch.zeros(0, 3, dtype=torch.long), torch.zeros(0, 3, dtype=torch.bool)).shape == (0,)


def test_pieces_change_nothing(small: LstmOracle, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = torch.randint(4, (50, 3))
    valid = torch.ones_like(tokens, dtype=torch.bool)
    whole, drawn = small.log_prob(tokens, valid), sample(small.lstm, 50, 3, 1)
    monkeypatch.setattr("textgan.data.sources.oracle._pieces", lambda lstm, rows: [slice(i, i + 7) for i in range(0, rows, 7)])
    torch.testing.assert_close(small.log_prob(tokens, valid), whole)
    assert sample(small.lstm, 50, 3, 1).shape == drawn.shape


def test_samples_follow_the_law_and_leave_the_random_state_alone(small: LstmOracle) -> None:
    before = torch.get_rng_state()
    drawn = sample(small.lstm, 40_000, 3, seed=1)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(sample(small.lstm, 40_000, 3, seed=1), drawn)
    assert not torch.equal(sample(small.lstm, 40_000, 3, seed=2), drawn)
    counts = torch.bincount(drawn @ torch.tensor([16, 4, 1]), minlength=64) / 40_000
    law = torch.tensor([math.exp(log_prob_by_hand(arrays(), row)) for row in product(range(4), repeat=3)])
    assert (counts - law).abs().sum() < 0.05


def test_entropy_is_that_of_the_law(small: LstmOracle) -> None:
    logs = [log_prob_by_hand(arrays(), row) for row in product(range(4), repeat=3)]
    exact = -sum(math.exp(log) * log for log in logs) / 3
    assert abs(small.entropy - exact) < 4 * small.entropy_error
    assert 0 < small.entropy_error < 0.01


def test_a_drawn_oracle_is_decided_by_its_own_seed() -> None:
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
    weights = LstmWeights.draw(2000, 32, 1)
    assert abs(float(weights.output.std()) - 1) < 0.05
    assert abs(float(weights.recurrent.std()) - 1) < 0.05


def test_released_figures() -> None:
    if not RELEASED.is_dir():
        pytest.skip("the released oracle is not here")
    lines = (RELEASED / "seqgan2017-train.txt").read_text().splitlines()
    tokens = torch.tensor([[int(word) for word in line.split()] for line in lines])[:5000]
    oracle = LstmOracle(LstmWeights.load(str(RELEASED / "seqgan2017.npz")), length=20)
    valid = torch.ones_like(tokens, dtype=torch.bool)
    assert float(-oracle.log_prob(tokens, valid).mean() / 20) == pytest.approx(5.761, abs=0.01)
    uniform = torch.randint(5000, (2000, 20), generator=torch.Generator().manual_seed(1))
    assert float(-oracle.log_prob(uniform, valid[:2000]).mean() / 20) == pytest.approx(11.42, abs=0.06)
    own = sample(oracle.lstm, 4000, 20, seed=1)
    assert float(-oracle.log_prob(own, valid[:4000]).mean() / 20) == pytest.approx(5.755, abs=0.03)


def test_ready_sequences_are_used_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "train.txt"
    path.write_text("1 2 3\n3 2 1\n")
    options = {"size": 4, "hidden_dim": 2, "length": 3, "validation": 1, "test": 1}
    raw = OracleLstm(path=str(path), **options).read(1)
    assert raw.train == ["1 2 3", "3 2 1"]
    with pytest.raises(UserError, match="id 3 is too large for size=3"):
        OracleLstm(path=str(path), **(options | {"size": 3})).read(1)
    with pytest.raises(UserError, match=r"sequence 1 has 3 tokens, .* length=4"):
        OracleLstm(path=str(path), **(options | {"length": 4})).read(1)


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_a_pickle_of_arrays_reads_as_the_archive_does(protocol: int, tmp_path: Path) -> None:
    parts = arrays()
    parts["W_out"] = np.asfortranarray(parts["W_out"])
    parts["U_i"] = parts["U_i"].astype(">f8")
    np.savez(tmp_path / "w.npz", **parts)
    (tmp_path / "w.pkl").write_bytes(pickle.dumps([parts[name] for name in ORDER], protocol=protocol))
    archive, pickled = (LstmWeights.load(str(tmp_path / name)) for name in ("w.npz", "w.pkl"))
    for name in ("inputs", "recurrent", "output", "output_bias"):
        torch.testing.assert_close(getattr(pickled, name), getattr(archive, name))
    assert OracleLstm(weights=str(tmp_path / "w.pkl")).oracle(numbers(4, bos=0)).lstm.size == 4


class _Malicious:
    def __init__(self, function: object, *arguments: object) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return self.call


def test_a_pickle_that_would_run_something_is_refused_and_not_run(tmp_path: Path) -> None:
    victim, path = tmp_path / "victim", tmp_path / "w.pkl"
    calls = [
        _Malicious(exec, f"open({str(victim)!r}, 'w')"),
        _Malicious(victim.touch),
        _Malicious(np.load, "x"),
    ]
    for call in calls:
        path.write_bytes(pickle.dumps([*arrays().values(), call]))
        with pytest.raises(UserError, match=r"asks to run .*not opened") as caught:
            LstmWeights.load(str(path))
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)
    assert not victim.exists()


def test_files_that_are_no_oracle_are_refused(tmp_path: Path) -> None:
    def refused(name: str, says: str) -> None:
        with pytest.raises(UserError, match=says):
            LstmWeights.load(str(tmp_path / name))

    refused("none.npz", "no such file")
    (tmp_path / "text.pkl").write_text("no pickle")
    refused("text.pkl", "damaged")
    (tmp_path / "text.npz").write_text("no archive")
    refused("text.npz", "damaged")
    (tmp_path / "short.pkl").write_bytes(pickle.dumps([np.zeros(3)]))
    refused("short.pkl", "list of 15 arrays, found 1")
    (tmp_path / "objects.pkl").write_bytes(pickle.dumps([np.array([{}], dtype=object)] * 15))
    refused("objects.pkl", "only plain numbers")
    np.savez(tmp_path / "lacks.npz", **{name: value for name, value in arrays().items() if name != "U_f"})
    refused("lacks.npz", "lacks the arrays U_f")
    np.savez(tmp_path / "shape.npz", **(arrays() | {"U_f": np.zeros((2, 2), dtype=np.float32)}))
    refused("shape.npz", r"U_f should be \[3, 3\], not \[2, 2\]")
    np.savez(tmp_path / "objects.npz", **(arrays() | {"U_f": np.array([{}], dtype=object)}))
    refused("objects.npz", "damaged")

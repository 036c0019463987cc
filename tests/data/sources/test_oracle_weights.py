"""Weights of the LSTM oracle: random ones, and files that may come from anywhere."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from support.oracles import arrays

from textgan.core.errors import UserError
from textgan.data.sources.oracle import OracleLstm
from textgan.data.sources.oracle_weights import ORDER, LstmWeights, enumerate_arrays, shapes
from textgan.data.tokenizers.builtin import numbers


def test_random_weights_are_normal_and_depend_on_the_seed() -> None:
    weights = LstmWeights.random(2000, 32, 1)
    assert (weights.size, weights.recurrent.shape, weights.output.shape) == (2000, (32, 128), (32, 2000))
    for part in (weights.recurrent, weights.output, weights.output_bias):
        assert abs(float(part.mean())) < 0.1
        assert abs(float(part.std()) - 1) < 0.1
    assert torch.equal(LstmWeights.random(2000, 32, 1).output, weights.output)
    assert not torch.equal(LstmWeights.random(2000, 32, 2).output, weights.output)


def test_gates_are_concatenated_and_embeddings_multiplied() -> None:
    parts = arrays()
    weights = LstmWeights.of(parts)
    inputs = [parts["embedding"] @ parts[f"W_{gate}"] + parts[f"b_{gate}"] for gate in "ifoc"]
    torch.testing.assert_close(weights.inputs, torch.from_numpy(np.concatenate(inputs, axis=1)))
    torch.testing.assert_close(weights.recurrent[:, 3:6], torch.from_numpy(parts["U_f"]))
    assert weights.to("cpu").output_bias.tolist() == weights.output_bias.tolist()


def test_the_order_is_that_of_the_released_pickle() -> None:
    assert ORDER[:4] == ("embedding", "W_i", "U_i", "b_i")
    assert ORDER[-2:] == ("W_out", "b_out")
    assert len(ORDER) == 15
    assert shapes(5, 2, 3)["W_out"] == (3, 5)


def test_a_pickle_of_something_else_is_rejected() -> None:
    with pytest.raises(UserError, match="expected a pickled list of arrays"):
        enumerate_arrays(pickle.dumps({"a": 1}))


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_a_pickle_of_arrays_equals_the_archive(protocol: int, tmp_path: Path) -> None:
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


def test_a_pickle_that_would_run_code_is_rejected_and_not_run(tmp_path: Path) -> None:
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


def test_files_that_are_not_oracles_are_rejected(tmp_path: Path) -> None:
    def rejected(name: str, message: str) -> None:
        with pytest.raises(UserError, match=message):
            LstmWeights.load(str(tmp_path / name))

    rejected("none.npz", r"^weights=.*none\.npz: file not found")
    (tmp_path / "text.pkl").write_text("no pickle")
    rejected("text.pkl", "damaged")
    (tmp_path / "text.npz").write_text("no archive")
    rejected("text.npz", "damaged")
    (tmp_path / "short.pkl").write_bytes(pickle.dumps([np.zeros(3)]))
    rejected("short.pkl", "list of 15 arrays, found 1")
    (tmp_path / "objects.pkl").write_bytes(pickle.dumps([np.array([{}], dtype=object)] * 15))
    rejected("objects.pkl", "expected plain numbers")
    np.savez(tmp_path / "lacks.npz", **{name: value for name, value in arrays().items() if name != "U_f"})
    rejected("lacks.npz", "arrays missing: U_f; found embedding")
    np.savez(tmp_path / "shape.npz", **(arrays() | {"U_f": np.zeros((2, 2), dtype=np.float32)}))
    rejected("shape.npz", r"array U_f: expected the shape \[3, 3\], found \[2, 2\]")
    np.savez(tmp_path / "objects.npz", **(arrays() | {"U_f": np.array([{}], dtype=object)}))
    rejected("objects.npz", "damaged")

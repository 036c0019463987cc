"""The weights of an LSTM oracle: drawn, or read from a file without running anything that stands in it."""

from __future__ import annotations

import io
import pickle
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from textgan.data.readers import existing
from textgan.core.errors import UserError

ORDER = (
    "embedding",
    *(f"{part}_{gate}" for gate in "ifoc" for part in "WUb"),
    "W_out",
    "b_out",
)
"""The order of SeqGAN's `target_params.pkl`, and the names of the arrays in an .npz file."""


@dataclass(frozen=True)
class LstmWeights:
    """An LSTM language model: V words, hidden size H, embeddings of size E, gates in the order i, f, o, c.

    Args:
        inputs: [V,4H], what a word adds to the gates, biases included (its embedding times W, plus b).
        recurrent: [H,4H].
        output: [H,V].
        output_bias: [V].
    """

    inputs: Tensor
    recurrent: Tensor
    output: Tensor
    output_bias: Tensor

    @property
    def size(self) -> int:
        return self.output.shape[1]

    def to(self, device: torch.device | str) -> LstmWeights:
        return LstmWeights(*(part.to(device) for part in (self.inputs, self.recurrent, self.output, self.output_bias)))

    @classmethod
    def random(cls, size: int, hidden_dim: int, seed: int) -> LstmWeights:
        """Every parameter N(0,1), as in SeqGAN's experiment; embeddings have the hidden size."""
        rng = np.random.default_rng(seed)
        return cls.of(
            {name: rng.standard_normal(shape) for name, shape in shapes(size, hidden_dim, hidden_dim).items()}
        )

    @classmethod
    def of(cls, arrays: Mapping[str, np.ndarray[Any, Any]]) -> LstmWeights:
        gates = {part: torch.cat([_float(arrays[f"{part}_{gate}"]) for gate in "ifoc"], dim=-1) for part in "WUb"}
        inputs = _float(arrays["embedding"]) @ gates["W"] + gates["b"]
        return cls(inputs, gates["U"], _float(arrays["W_out"]), _float(arrays["b_out"]))

    @classmethod
    def load(cls, path: str) -> LstmWeights:
        """Reads an .npz file with the arrays of `ORDER`, or SeqGAN's `target_params.pkl`.

        Raises:
            UserError: if the file is neither, holds anything but arrays of numbers, or their shapes do not
                fit.
        """
        file = existing(path)
        try:
            arrays = _npz(file) if file.suffix.lower() == ".npz" else dict(enumerate_arrays(file.read_bytes()))
        except UserError as error:
            raise UserError(f"{path}: {error}") from error
        except Exception as error:  # a damaged pickle or archive may raise anything
            raise UserError(f"{path} is damaged or no file of oracle weights: {error}") from error
        if missing := [name for name in ORDER if name not in arrays]:
            raise UserError(f"{path} lacks the arrays {', '.join(missing)}; it holds {', '.join(arrays) or 'none'}")
        if any(arrays[name].dtype.kind != "f" for name in ORDER) or arrays["embedding"].ndim != 2:
            raise UserError(f"{path}: the weights of an oracle are arrays of floats, the embedding [V,E]")
        size, embed_dim = arrays["embedding"].shape
        for name, shape in shapes(size, embed_dim, arrays["b_i"].size).items():
            if arrays[name].shape != shape:
                raise UserError(f"{path}: the array {name} should be {list(shape)}, not {list(arrays[name].shape)}")
        return cls.of(arrays)


def shapes(size: int, embed_dim: int, hidden_dim: int) -> dict[str, tuple[int, ...]]:
    """The shape of each array of `ORDER`."""
    parts = {"W": (embed_dim, hidden_dim), "U": (hidden_dim, hidden_dim), "b": (hidden_dim,)}
    ends = {"embedding": (size, embed_dim), "W_out": (hidden_dim, size), "b_out": (size,)}
    return {name: ends.get(name) or parts[name[0]] for name in ORDER}


def enumerate_arrays(data: bytes) -> list[tuple[str, np.ndarray[Any, Any]]]:
    """The arrays of a pickled list, named in the order of `ORDER`.

    Raises:
        UserError: if the pickle holds anything but a list of arrays of numbers.
    """
    found = _ArraysOnly(io.BytesIO(data), encoding="latin1").load()
    if not isinstance(found, list | tuple) or not all(isinstance(one, _Array) for one in found):
        raise UserError("expected a pickled list of arrays")
    if len(found) != len(ORDER):
        raise UserError(f"expected a pickled list of {len(ORDER)} arrays, found {len(found)}")
    return [(name, one.value) for name, one in zip(ORDER, found, strict=True)]


class _Dtype:
    """Stands in for numpy.dtype while unpickling, so that numpy's own code sees nothing of the file."""

    def __init__(self, code: Any, *_: Any) -> None:
        if not isinstance(code, str) or not re.fullmatch(r"[fiu][248]", code):
            raise UserError(f"the file holds an array of {code!r}; only plain numbers are read")
        self.value = np.dtype(code)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.value = self.value.newbyteorder(">" if state[1] == ">" else "<")


class _Array:
    """Stands in for numpy.ndarray while unpickling."""

    value: np.ndarray[Any, Any] = np.zeros(0)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, dtype, fortran, data = state
        data = data.encode("latin1") if isinstance(data, str) else bytes(data)  # text: written by Python 2
        flat = np.frombuffer(data, dtype.value)
        self.value = flat.reshape(shape, order="F" if fortran else "C").astype(dtype.value.newbyteorder("="))


def _new_array(*_: Any) -> _Array:
    return _Array()


def _from_buffer(data: Any, dtype: _Dtype, shape: tuple[int, ...], order: str) -> _Array:
    array = _Array()
    array.__setstate__((1, shape, dtype, order == "F", data))
    return array


def _latin1(text: str, encoding: str) -> bytes:
    if encoding != "latin1":
        raise UserError(f"the file asks for the codec {encoding!r}, which no array of numbers needs")
    return text.encode("latin1")


class _ArraysOnly(pickle.Unpickler):
    """Builds lists, tuples, numbers and arrays. All that a pickle can run is the few functions above."""

    ALLOWED: Mapping[tuple[str, str], Any] = {
        ("numpy", "ndarray"): _Array,
        ("numpy", "dtype"): _Dtype,
        ("numpy.core.multiarray", "_reconstruct"): _new_array,
        ("numpy._core.multiarray", "_reconstruct"): _new_array,
        ("numpy.core.numeric", "_frombuffer"): _from_buffer,
        ("numpy._core.numeric", "_frombuffer"): _from_buffer,
        ("_codecs", "encode"): _latin1,
    }

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self.ALLOWED:
            raise UserError(
                f"the file asks to run {module}.{name}, which arrays never need, so it was not opened; "
                "get it from a source that you trust, or convert it to .npz"
            )
        return self.ALLOWED[module, name]


def _npz(file: Path) -> dict[str, np.ndarray[Any, Any]]:
    with np.load(file, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files if name in ORDER}


def _float(array: np.ndarray[Any, Any]) -> Tensor:
    return torch.from_numpy(np.array(array, dtype=np.float32))

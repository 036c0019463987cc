"""Samples the weights of an LSTM oracle, or reads them from a file without running any code in it."""

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

from textgan.core.errors import UserError
from textgan.data.readers import Origin, existing

ORDER = (
    "embedding",
    *(f"{part}_{gate}" for gate in "ifoc" for part in "WUb"),
    "W_out",
    "b_out",
)
"""The order of SeqGAN's `target_params.pkl`, and the names of the arrays in an .npz file."""


@dataclass(frozen=True)
class LstmWeights:
    """Holds the weights of an LSTM language model with V ids, hidden size H and gates in the order i, f, o, c.

    Args:
        inputs: [V,4H], what each id adds to the gates, biases included: its embedding [E] times W [E,4H], plus b [4H].
        recurrent: [H,4H], from the hidden state to the gates.
        output: [H,V], from the hidden state to the logits.
        output_bias: [V].
    """

    inputs: Tensor
    recurrent: Tensor
    output: Tensor
    output_bias: Tensor

    @property
    def size(self) -> int:
        """V, the number of ids."""
        return self.output.shape[1]

    def to(self, device: torch.device | str) -> LstmWeights:
        """Returns the weights on a device."""
        return LstmWeights(*(part.to(device) for part in (self.inputs, self.recurrent, self.output, self.output_bias)))

    @classmethod
    def random(cls, size: int, hidden_dim: int, seed: int) -> LstmWeights:
        """Samples every parameter from N(0,1), as in SeqGAN's experiment; embeddings have the hidden size."""
        rng = np.random.default_rng(seed)
        return cls.of(
            {name: rng.standard_normal(shape) for name, shape in shapes(size, hidden_dim, hidden_dim).items()}
        )

    @classmethod
    def of(cls, arrays: Mapping[str, np.ndarray[Any, Any]]) -> LstmWeights:
        """Returns the weights of the arrays named in `ORDER`, with the gates concatenated."""
        gates = {part: torch.cat([_float(arrays[f"{part}_{gate}"]) for gate in "ifoc"], dim=-1) for part in "WUb"}
        inputs = _float(arrays["embedding"]) @ gates["W"] + gates["b"]
        return cls(inputs, gates["U"], _float(arrays["W_out"]), _float(arrays["b_out"]))

    @classmethod
    def load(cls, path: str, key: str = "weights") -> LstmWeights:
        """Reads an .npz file with the arrays of `ORDER`, or SeqGAN's `target_params.pkl`.

        Args:
            path: the file.
            key: the option that names it, for error messages.

        Raises:
            UserError: if the file is neither, holds anything but arrays of numbers, or their shapes do not fit.
        """
        origin = Origin(key, path)
        file = existing(origin)
        try:
            arrays = _npz(file) if file.suffix.lower() == ".npz" else dict(enumerate_arrays(file.read_bytes()))
        except UserError as error:
            raise UserError(f"{origin}: {error}") from error
        except Exception as error:  # a damaged pickle or archive may raise anything
            raise UserError(f"{origin}: damaged, or not a file of oracle weights: {error}") from error
        if missing := [name for name in ORDER if name not in arrays]:
            found = ", ".join(arrays) or "none"
            raise UserError(f"{origin}: arrays missing: {', '.join(missing)}; found {found}")
        if any(arrays[name].dtype.kind != "f" for name in ORDER) or arrays["embedding"].ndim != 2:
            raise UserError(f"{origin}: expected arrays of floats, and the embedding with the shape [V,E]")
        size, embed_dim = arrays["embedding"].shape
        for name, shape in shapes(size, embed_dim, arrays["b_i"].size).items():
            if arrays[name].shape != shape:
                actual = list(arrays[name].shape)
                raise UserError(f"{origin}: array {name}: expected the shape {list(shape)}, found {actual}")
        return cls.of(arrays)


def shapes(size: int, embed_dim: int, hidden_dim: int) -> dict[str, tuple[int, ...]]:
    """Returns the shape of each array of `ORDER`: V ids, embeddings [V,E], gates [E,H], [H,H] and [H], output [H,V]."""
    parts = {"W": (embed_dim, hidden_dim), "U": (hidden_dim, hidden_dim), "b": (hidden_dim,)}
    ends = {"embedding": (size, embed_dim), "W_out": (hidden_dim, size), "b_out": (size,)}
    return {name: ends.get(name) or parts[name[0]] for name in ORDER}


def enumerate_arrays(data: bytes) -> list[tuple[str, np.ndarray[Any, Any]]]:
    """Returns the arrays of a pickled list, named in the order of `ORDER`.

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
    """Replaces numpy.dtype while unpickling, so that no code of numpy reads the file."""

    def __init__(self, code: Any, *_: Any) -> None:
        if not isinstance(code, str) or not re.fullmatch(r"[fiu][248]", code):
            raise UserError(f"found an array of {code!r}; expected plain numbers")
        self.value = np.dtype(code)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.value = self.value.newbyteorder(">" if state[1] == ">" else "<")


class _Array:
    """Replaces numpy.ndarray while unpickling."""

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
        raise UserError(f"the file asks for the codec {encoding!r}; expected arrays of numbers, which need none")
    return text.encode("latin1")


class _ArraysOnly(pickle.Unpickler):
    """Unpickles lists, tuples, numbers and arrays. A pickle can call only the few functions above."""

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
                f"the file asks to run {module}.{name}, which arrays do not need, so it was not opened; "
                "convert it to .npz where you trust it"
            )
        return self.ALLOWED[module, name]


def _npz(file: Path) -> dict[str, np.ndarray[Any, Any]]:
    with np.load(file, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files if name in ORDER}


def _float(array: np.ndarray[Any, Any]) -> Tensor:
    return torch.from_numpy(np.array(array, dtype=np.float32))

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

import textgan.options
from textgan.core import options

ACCEPTED = {
    "Count": ([0, 1, 10**9], [-1, 0.5, "x", None]),
    "PositiveInt": ([1, 7], [0, -1, 1.5]),
    "PositiveFloat": ([0.1, 3], [0, -1.0]),
    "NonNegativeFloat": ([0, 0.0, 2.5], [-1e-9]),
    "Fraction": ([0, 0.5, 1], [-0.1, 1.1]),
    "Probability": ([0, 0.5, 0.999], [1, 1.0, -0.1]),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_limits(name: str) -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(getattr(options, name))
    accepted, refused = ACCEPTED[name]
    for value in accepted:
        assert adapter.validate_python(value) == value
    for value in refused:
        with pytest.raises(ValidationError):
            adapter.validate_python(value)


def test_plugins_import_the_same_names() -> None:
    for name in options.__all__:
        assert getattr(textgan.options, name) is getattr(options, name)


def test_torch_is_not_imported() -> None:
    code = "import sys, textgan.core.options\nassert not {'torch', 'pydantic'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)

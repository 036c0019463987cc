from __future__ import annotations

import pytest

from textgan.training.callbacks.anneal import Anneal
from textgan.training.callbacks.base import Callback
from textgan.training.callbacks.warm_start import WarmStart
from textgan.training.loop import RoundResult


def test_the_bundled_callbacks_are_callbacks() -> None:
    assert issubclass(Anneal, Callback)
    assert issubclass(WarmStart, Callback)


def test_a_callback_must_be_callable_with_a_result() -> None:
    class Incomplete(Callback):
        pass

    class Complete(Callback):
        def __call__(self, result: RoundResult) -> None: ...

    Complete()
    with pytest.raises(TypeError, match="abstract"):
        Incomplete()  # type: ignore[abstract]

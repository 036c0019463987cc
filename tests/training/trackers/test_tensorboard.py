from __future__ import annotations

import sys
from pathlib import Path

import pytest

from textgan.core.errors import UserError
from textgan.training.trackers.tensorboard import TensorBoard


def test_a_missing_package_is_a_user_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(
        UserError, match=r"trackers=tensorboard: .* not installed; .* pip install textgan\[tensorboard\]"
    ):
        TensorBoard(tmp_path)


def test_values_are_written_as_scalars_by_global_round(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The writer is replaced, so that the test does not need the extra."""
    calls: list[object] = []

    class Writer:
        def __init__(self, folder: str) -> None:
            calls.append(Path(folder))

        def add_scalar(self, name: str, value: float, step: int) -> None:
            calls.append((name, value, step))

        def close(self) -> None:
            calls.append("closed")

    module = type(sys)("torch.utils.tensorboard")
    module.SummaryWriter = Writer  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    tracker = TensorBoard(tmp_path)
    tracker.log(7, "adversarial", {"bleu2": 0.5, "nll_test": 3.0})
    tracker.close()
    assert calls == [tmp_path / "tensorboard", ("bleu2", 0.5, 7), ("nll_test", 3.0, 7), "closed"]

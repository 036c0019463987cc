"""Datasets of the Hugging Face Hub, from local folders."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from textgan.core.errors import UserError
from textgan.data import network
from textgan.data.sources.hub import Hub


@pytest.fixture
def folder(tmp_path: Path) -> str:
    for split, rows in {"train": 100, "validation": 10, "test": 20}.items():
        lines = [json.dumps({"text": f"{split} {n}", "label": n}) for n in range(rows)]
        (tmp_path / f"{split}.jsonl").write_text("\n".join(lines))
    return str(tmp_path)


def test_a_local_folder_is_a_dataset(folder: str) -> None:
    raw = Hub(folder, column="text", validation_split="validation", test_split="test", limit=15).read(1)
    assert raw.train == [f"train {n}" for n in range(15)]
    assert (len(raw.validation), raw.test[-1], len(raw.test)) == (10, "test 14", 15)
    sampled = Hub(folder, column="text").read(1)
    assert (len(sampled.train), len(sampled.validation), len(sampled.test)) == (85, 5, 10)


def test_wrong_names_are_answered_with_the_right_ones(folder: str) -> None:
    with pytest.raises(UserError, match=r'data\.column=texts: not a column of data\.path=.*; did you mean "text"'):
        Hub(folder, column="texts").read(1)
    with pytest.raises(UserError, match=r"has the columns text, label; choose one, such as data\.column=text"):
        Hub(folder).read(1)
    with pytest.raises(UserError, match="split dev: cannot be read"):
        Hub(folder, column="text", test_split="dev").read(1)


def test_without_a_network_it_fails_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(network, "_answers", lambda host, port: False)
    start = time.monotonic()
    with pytest.raises(
        UserError, match=r"data\.path=nobody/nothing: not a folder, .* cannot be reached; .* data\.name=text"
    ):
        Hub("nobody/nothing").read(1)
    assert time.monotonic() - start < 1

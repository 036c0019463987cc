from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import pytest

from textgan.data import network
from textgan.data.sources.hub import Hub
from textgan.core.errors import UserError


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
    shared = Hub(folder, column="text").read(1)
    assert (len(shared.train), len(shared.validation), len(shared.test)) == (85, 5, 10)


def test_wrong_names_are_told(folder: str) -> None:
    with pytest.raises(UserError, match='no column texts; did you mean "text"'):
        Hub(folder, column="texts").read(1)
    with pytest.raises(UserError, match="columns text, label; say which"):
        Hub(folder).read(1)
    with pytest.raises(UserError, match="split dev: could not be read"):
        Hub(folder, column="text", test_split="dev").read(1)


def test_without_a_network_it_fails_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(network, "_answers", lambda host, port: False)
    start = time.monotonic()
    with pytest.raises(UserError, match=r"cannot be reached; .* data\.name=text"):
        Hub("nobody/nothing").read(1)
    assert time.monotonic() - start < 1


def test_the_network_is_not_touched_where_it_is_forbidden(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(network, "_answers", lambda host, port: bool(asked.append(host)))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert network.hub_is_offline()
    assert not asked


def test_a_proxy_is_asked_instead_of_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, int]] = []
    for name in (
        "HF_HUB_OFFLINE",
        "HF_DATASETS_OFFLINE",
        "TRANSFORMERS_OFFLINE",
        "HF_ENDPOINT",
        "no_proxy",
        "NO_PROXY",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(network, "_answers", lambda host, port: not asked.append((host, port)))
    for proxy in ("http://proxy.test:3128", "proxy.test:3128", None):
        monkeypatch.setattr(network.urllib.request, "getproxies", lambda proxy=proxy: {"https": proxy} if proxy else {})
        assert not network.hub_is_offline()
    assert asked == [("proxy.test", 3128), ("proxy.test", 3128), ("huggingface.co", 443)]


def test_a_silent_host_costs_no_more_than_our_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()

    def connect(*_: object, **__: object) -> None:
        ended.wait(10)
        raise TimeoutError

    monkeypatch.setattr(network, "PATIENCE", 0.1)
    monkeypatch.setattr(network.socket, "create_connection", connect)
    start = time.monotonic()
    assert not network._answers("host.test", 443)
    assert time.monotonic() - start < 5
    ended.set()

"""Finding out whether the Hugging Face Hub can be reached."""

from __future__ import annotations

import threading
import time

import pytest

from textgan.data import network


def test_the_network_is_not_used_if_it_is_forbidden(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []
    monkeypatch.setattr(network, "_answers", lambda host, port: bool(tried.append(host)))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert network.hub_is_offline()
    assert not tried


def test_a_proxy_is_tried_instead_of_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[tuple[str, int]] = []
    for name in (
        "HF_HUB_OFFLINE",
        "HF_DATASETS_OFFLINE",
        "TRANSFORMERS_OFFLINE",
        "HF_ENDPOINT",
        "no_proxy",
        "NO_PROXY",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(network, "_answers", lambda host, port: not tried.append((host, port)))
    for proxy in ("http://proxy.test:3128", "proxy.test:3128", None):
        monkeypatch.setattr(network.urllib.request, "getproxies", lambda proxy=proxy: {"https": proxy} if proxy else {})
        assert not network.hub_is_offline()
    assert tried == [("proxy.test", 3128), ("proxy.test", 3128), ("huggingface.co", 443)]


def test_a_host_that_does_not_answer_takes_no_longer_than_the_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()

    def connect(*_: object, **__: object) -> None:
        ended.wait(10)
        raise TimeoutError

    monkeypatch.setattr(network, "TIMEOUT", 0.1)
    monkeypatch.setattr(network.socket, "create_connection", connect)
    start = time.monotonic()
    assert not network._answers("host.test", 443)
    assert time.monotonic() - start < 5
    ended.set()


@pytest.mark.parametrize("name", ["HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE"])
@pytest.mark.parametrize(("value", "forced"), [("1", True), ("True", True), ("on", True), ("0", False), ("", False)])
def test_variables_forbid_the_network(name: str, value: str, forced: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for other in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv(name, value)
    assert network.forced_offline() is forced


def test_a_host_that_refuses_is_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(network.socket, "create_connection", refuse)
    assert not network._answers("host.test", 443)


def test_a_host_that_answers_is_online(monkeypatch: pytest.MonkeyPatch) -> None:
    class Connection:
        def close(self) -> None: ...

    monkeypatch.setattr(network.socket, "create_connection", lambda *_, **__: Connection())
    assert network._answers("host.test", 443)

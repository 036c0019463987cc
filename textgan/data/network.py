"""Whether the Hugging Face Hub can be reached, found out in seconds, without half a minute of retries."""

from __future__ import annotations

import os
import socket
import threading
import urllib.request
from urllib.parse import urlsplit

PATIENCE = 3.0
"""Seconds."""


def told_offline() -> bool:
    """Whether the user forbids the network, with the Hub's own variables."""
    names = ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE")
    return any(os.environ.get(name, "").lower() in {"1", "on", "yes", "true"} for name in names)


def hub_is_offline() -> bool:
    """True if the network is forbidden, or if the Hub (or the proxy before it) is silent for `PATIENCE`."""
    if told_offline():
        return True
    endpoint = urlsplit(os.environ.get("HF_ENDPOINT") or "https://huggingface.co")
    host = endpoint.hostname or ""
    proxy = None if urllib.request.proxy_bypass(host) else urllib.request.getproxies().get(endpoint.scheme)
    target = urlsplit(proxy if proxy is None or "//" in proxy else f"//{proxy}") if proxy else endpoint
    port = target.port or (80 if target.scheme == "http" else 443)
    return not _answers(target.hostname or "", port)


def _answers(host: str, port: int) -> bool:
    """Looking up a name has no timeout of its own, so it all happens in a thread that may be left behind."""
    answered = threading.Event()

    def connect() -> None:
        try:
            socket.create_connection((host, port), timeout=PATIENCE).close()
        except OSError:
            return
        answered.set()

    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    return answered.is_set()

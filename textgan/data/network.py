"""Finds out in seconds whether the Hugging Face Hub can be reached, without half a minute of retries."""

from __future__ import annotations

import os
import socket
import threading
import urllib.request
from urllib.parse import urlsplit

TIMEOUT = 3.0
"""Seconds to wait for a connection."""


def forced_offline() -> bool:
    """Whether an environment variable of the Hub forbids the network."""
    names = ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE")
    return any(os.environ.get(name, "").lower() in {"1", "on", "yes", "true"} for name in names)


def hub_is_offline() -> bool:
    """Whether the network is forbidden, or the Hub (or the proxy to it) does not answer within `TIMEOUT`."""
    if forced_offline():
        return True
    endpoint = urlsplit(os.environ.get("HF_ENDPOINT") or "https://huggingface.co")
    host = endpoint.hostname or ""
    proxy = None if urllib.request.proxy_bypass(host) else urllib.request.getproxies().get(endpoint.scheme)
    target = urlsplit(proxy if proxy is None or "//" in proxy else f"//{proxy}") if proxy else endpoint
    port = target.port or (80 if target.scheme == "http" else 443)
    return not _answers(target.hostname or "", port)


def _answers(host: str, port: int) -> bool:
    """Whether a connection is possible. It is tried in a thread, since looking up a name has no timeout."""
    answered = threading.Event()

    def connect() -> None:
        try:
            socket.create_connection((host, port), timeout=TIMEOUT).close()
        except OSError:
            return
        answered.set()

    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(TIMEOUT)
    return answered.is_set()

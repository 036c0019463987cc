"""`textgan completion`."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(textgan, shell):
    code, out, _ = textgan("completion", shell)
    assert code == 0
    assert "_TEXTGAN_COMPLETE" in out


@pytest.mark.parametrize(
    ("typed", "completion"),
    [
        ("check seqg", "seqgan"),
        ("show rollo", "rollout"),
        ("list estim", "estimators"),
        ("ev", "evaluate"),
        ("run seqgan --dry", "--dry-run"),
    ],
)
def test_tab_completes(typed: str, completion: str):
    words = f"textgan {typed}"
    variables = {"_TEXTGAN_COMPLETE": "zsh_complete", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    done = subprocess.run(
        [sys.executable, "-c", "from textgan.cli import main; main()"],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=True,
    )
    assert completion in done.stdout

"""Outcomes become exit codes and readable errors."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest

from textgan.cli import base, group
from textgan.core.errors import Failure, UserError
from textgan.runs.signals import Stopped

PYTHON = (sys.executable, "-W", "error", "-m", "textgan")


@pytest.fixture
def failing(monkeypatch):
    """A function that adds a command `fail`, which raises an error."""

    def arrange(error: BaseException) -> None:
        @click.command(cls=base.Command)
        def fail() -> None:
            raise error

        monkeypatch.setitem(group.textgan.commands, "fail", fail)

    return arrange


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (Failure("d_loss is nan in round 3"), 1, "textgan: d_loss is nan in round 3\n"),
        (UserError("no such file"), 2, "textgan: no such file\n"),
        (UserError("a.yaml: 1 problem\n  line 1"), 2, "a.yaml: 1 problem\n  line 1\n"),
        (UserError("the word \x1b[31m"), 2, "textgan: the word \\x1b[31m\n"),
        (
            RuntimeError("out of memory\nmore"),
            1,
            "textgan: error: RuntimeError: out of memory; run again with --debug for the traceback\n",
        ),
        (Stopped(signal.SIGINT), 130, ""),
        (Stopped(signal.SIGTERM), 143, ""),
        (click.Abort(), 130, ""),
        (BrokenPipeError(32, "Broken pipe"), 141, ""),
    ],
)
def test_outcomes_become_exit_codes(textgan, failing, error, code, message):
    failing(error)
    assert textgan("fail") == (code, "", message)


def test_ctrl_c_is_130_without_a_message(textgan, failing):
    failing(KeyboardInterrupt())
    code, out, err = textgan("fail")
    assert (code, out, err.strip()) == (130, "", "")


@pytest.mark.parametrize("arguments", [("--debug", "fail"), ("fail", "--debug")])
def test_debug_works_before_and_after_the_command(textgan, failing, arguments):
    failing(RuntimeError("why"))
    code, _, err = textgan(*arguments)
    assert code == 1
    assert "Traceback (most recent call last)" in err
    assert err.endswith("textgan: error: RuntimeError: why\n")


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("rnu",), "Did you mean 'run'"),
        (("sample", "x", "--temprature", "1"), "--temperature"),
        (("run", "seqgan", "--lr=3"), "Recipe settings are written without dashes"),
        (("run",), "seqgan"),
        (("sample",), "RUN"),
        (("sample", "x", "--temperature", "-1"), "x>=0"),
        (("sample", "x", "--greedy", "--top-k", "3"), "--top-k"),
        (("completion", "tcsh"), "bash"),
    ],
)
def test_usage_errors_are_2_with_a_hint(textgan, arguments, hint):
    code, out, err = textgan(*arguments)
    assert (code, out) == (2, "")
    assert hint in err


def test_user_errors_are_2_with_a_hint(textgan, tmp_path):
    for arguments, hint in (
        (("run", "seqgna"), 'did you mean "seqgan"'),
        (("run", "seqgan", "estimator.rolouts=3"), 'did you mean "rollouts"'),
        (("run", "seed=3"), "expected the recipe first"),
        (("show", "rolout"), 'did you mean "rollout"'),
        (("list", "generatrs"), 'did you mean "generator'),
        (("sample", tmp_path / "nothing"), "folder not found"),
        (("run", "--resume", tmp_path), "not a run (it has no recipe.yaml)"),
        (("run", "--plugin", tmp_path / "no.py", "seqgan"), "no.py: there is no such file"),
    ):
        code, out, err = textgan(*arguments)
        assert (code, out) == (2, ""), arguments
        assert hint in err


def test_help_version_and_short_help(textgan):
    assert textgan("--version")[1].startswith("textgan 0.")
    for name in (
        "run",
        "sample",
        "evaluate",
        "list",
        "show",
        "check",
        "init",
        "new",
        "completion",
        "compare",
        "report",
        "lab",
    ):
        long, short = textgan(name, "--help"), textgan(name, "-h")
        assert long == short
        assert long[0] == 0
        assert "Examples:" in long[1]
        assert max(map(len, long[1].splitlines())) <= 100


HEAVY = ("torch", "transformers", "datasets", "numpy", "scipy", "matplotlib")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--help",), 0),
        (("run", "--help"), 0),
        (("run",), 2),
        (("run", "broken.yaml"), 2),
        (("run", "seqgan", "--dry-run"), 0),
        (("list",), 0),
        (("show", "rollout"), 0),
        (("show", "seqgan"), 0),
        (("check", "seqgan"), 0),
        (("init", "seqgan"), 0),
        (("new", "plugin", "my_estimator"), 0),
        (("completion", "zsh"), 0),
    ],
)
def test_commands_that_need_no_torch_do_not_import_it(tmp_path: Path, arguments, code):
    (tmp_path / "broken.yaml").write_text("data: {name: nothing}\nphases: {a: {round: 3}}\n")
    check = (
        "import sys, textgan.cli\n"
        f"code = textgan.cli.main({list(arguments)!r})\n"
        f"heavy = set({HEAVY!r}) & set(sys.modules)\n"
        f"assert (code, heavy) == ({code}, set()), (code, heavy)"
    )
    done = subprocess.run([sys.executable, "-c", check], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("arguments", "limit"), [(("--help",), 0.3), (("check", "seqgan"), 1.0)])
def test_start_up_is_fast(arguments, limit):
    """CPU time, the best of five calls: that hardly depends on what else the machine does."""
    script = (
        "import time, textgan.cli\n"
        f"textgan.cli.main({list(arguments)!r})\n"
        "import sys; print(time.process_time(), file=sys.stderr)"
    )
    times = []
    for _ in range(5):
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        times.append(float(done.stderr.splitlines()[-1]))
        if times[-1] < limit:
            break
    assert min(times) < limit


def test_a_closed_pipe_is_quiet():
    command = f"set -o pipefail; {sys.executable} -W error -m textgan list | head -n 1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.returncode in (0, 141)  # a short list may be gone before the pipe is closed


def test_a_pipe_without_a_reader_is_141():
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [*PYTHON, "show", "seqgan"], stdout=writer, stderr=subprocess.PIPE, text=True, check=False
        )
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


def test_a_closed_stdout_is_quiet():
    command = f"{sys.executable} -m textgan show seqgan >&-; {sys.executable} -m textgan --help | true"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_the_run(recipe: Path, tmp_path: Path, number, code):
    folder = tmp_path / "out"
    settings = ["phases.pretrain-g.rounds=100000", "log.every=1"]
    process = subprocess.Popen(
        [*PYTHON, "run", str(recipe), *settings, "--out", str(folder)], stderr=subprocess.PIPE, text=True
    )
    metrics = folder / "metrics.jsonl"
    while not metrics.exists() or not metrics.read_text():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert "finishing this round, then saving" in err
    assert f"continue with: textgan run --resume {folder}" in err
    assert "\x1b" not in err
    assert list((folder / "checkpoints").iterdir())


@pytest.mark.slow
def test_sigterm_before_training_is_143(tmp_path: Path):
    (tmp_path / "slow.py").write_text("import time\nprint('here', flush=True)\ntime.sleep(60)\n")
    command = [*PYTHON, "run", "seqgan", "--plugin", str(tmp_path / "slow.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"
        process.terminate()
        assert process.wait(timeout=60) == 143

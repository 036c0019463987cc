"""The live view and the plain lines, shown a run that never happened."""

from __future__ import annotations

import io
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from rich.console import Console

from textgan.cli.display.live_view import LiveView, compared, share, suited
from textgan.cli.display.plain import Plain
from textgan.cli.display.run_state import RunState
from textgan.runs.evaluator import Measured
from textgan.runs.run_dir import RunDir
from textgan.training.loop import Phase, Progress, RoundResult

HOSTILE = [
    "\x1b[31mred\x1b[0m \x1b]0;title\x07",
    "[bold]loud[/bold] [/]",
    "\u202egnp.exe",
    "two\nlines\tand a tab",
    ":smile:",
]
PHASES = [Phase("pretrain-g", 300, []), Phase("pretrain-d", 20, []), Phase("adversarial", 40, [])]
BETTER = {"nll_test": "lower", "bleu2": "higher", "bleu3": "higher"}
VALUES = {"nll_test": 2.5, "bleu2": 0.61, "bleu3": 0.3, "entropy": 1.0}
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]")


def fake_run(name: str = "seqgan", controls: tuple[str, ...] = ("constant-reward",)) -> SimpleNamespace:
    sizes = {"train": 10_000, "validation": 1_000, "test": 2_000}
    corpus = SimpleNamespace(
        **{split: SimpleNamespace(batch=range(size)) for split, size in sizes.items()},
        vocab=SimpleNamespace(size=431),
        max_len=16,
        notes={"empty lines left out": 3, "\x1b[31mred": 1, "nothing": 0},
    )
    filled = {"log": {"samples": 8}, "controls": dict.fromkeys(controls)}
    return SimpleNamespace(
        recipe=SimpleNamespace(name=name, filled=filled),
        device=torch.device("cpu"),
        corpus=corpus,
        phases=PHASES,
        metrics=[SimpleNamespace(better=lambda: BETTER)],
    )


def step(phase: int, done: int) -> RoundResult:
    return RoundResult(Progress(phase, done, done), PHASES, {})


def play(reporter: RunState, folder: RunDir, texts: list[str]) -> None:
    """To the middle of the adversarial phase."""
    reporter.began(fake_run(), folder, Progress())
    reporter.stepped(step(0, 300))
    reporter.logged(step(0, 300), {"nll_train": 1.234})
    reporter.evaluated("pretrain-g", Progress(0, 300, 300), Measured(VALUES, texts))
    reporter.saved(folder.checkpoints / "000300")
    reporter.stepped(step(1, 20))
    reporter.saved(folder.checkpoints / "000320")
    reporter.stepped(step(2, 7))
    reporter.logged(step(2, 7), {"d_loss": 0.61, "reward_mean": 0.4})
    later = {"nll_test": 2.6, "bleu2": 0.65, "bleu3": 0.3, "entropy": 0.9}
    reporter.evaluated("adversarial", Progress(2, 7, 327), Measured(later, [f"{text} later" for text in texts]))


def drawn(tmp_path, texts: list[str], width: int = 80, height: int = 40, **options) -> str:
    """What the view looks like, with its escape sequences if `options` make it a terminal."""
    console = Console(file=io.StringIO(), width=width, height=height, **options)
    view = LiveView(console)
    play(view, RunDir(tmp_path), texts)
    console.print(view.render())
    return console.file.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("height", [10, 16, 24, 40, 60])
def test_the_view_fits_the_terminal(tmp_path, width, height):
    lines = drawn(tmp_path, [f"sentence {n} " * 20 for n in range(8)], width, height).splitlines()
    assert len(lines) <= height
    assert max(map(len, lines)) <= width
    assert lines[-1].rstrip() == "Ctrl-C finishes the round and saves"


def test_everything_stands_there(tmp_path):
    view = drawn(tmp_path, ["a fox sleeps ."], 100, 40)
    for text in (
        "seqgan",
        "10,000 train, 1,000 validation, 2,000 test sentences; vocabulary 431",
        "empty lines left out 3",
        "✓ pretrain-g",
        "▸ adversarial",
        "7/40",
        "d_loss 0.610",
        "nll_test ↓",
        "pretrain-g, round 300",
        "adversarial, round 7",
        "a fox sleeps . later",
        "1 control",
    ):
        assert text in view, text
    assert re.search(r"nll_test ↓ +2\.500 +2\.600 ▲", view)


def test_hostile_samples_are_inert(tmp_path):
    view = drawn(tmp_path, HOSTILE, 120, 40)
    assert not CONTROL.search(view)
    for text in (
        "\\x1b[31mred\\x1b[0m \\x1b]0;title\\x07",
        "[bold]loud[/bold] [/]",
        "\\u202egnp.exe",
        "two\\nlines\\tand",
        ":smile:",
    ):
        assert text in view, text
    coloured = drawn(tmp_path, HOSTILE, 120, 40, force_terminal=True, color_system="standard", _environ={})
    assert "\x1b]" not in coloured
    assert set(re.findall(r"\x1b(.)", coloured)) == {"["}
    assert "[bold]loud[/bold] [/]" in coloured


def test_no_color_means_none(tmp_path):
    colours = re.compile(r"\x1b\[(?:[0-9]+;)*(?:3[0-8]|4[0-8]|9[0-7])(?:;[0-9]+)*m")
    options = {"force_terminal": True, "color_system": "standard"}
    assert colours.search(drawn(tmp_path, ["a"], _environ={}, **options))
    assert not colours.search(drawn(tmp_path, ["a"], _environ={"NO_COLOR": "1"}, **options))


def test_better_is_green_and_worse_is_red():
    def style(*arguments) -> str:
        text = compared(*arguments)
        return str(text.spans[-1].style) if text.spans else ""

    assert style("nll", 2.0, {"nll": 3.0}, {"nll": "lower"}) == "green"
    assert style("nll", 4.0, {"nll": 3.0}, {"nll": "lower"}) == "red"
    assert style("bleu", 0.4, {"bleu": 0.3}, {"bleu": "higher"}) == "green"
    assert style("length", 4.0, {"length": 3.0}, {}) == "dim"
    assert style("nll", 3.0, {"nll": 3.0}, {"nll": "lower"}) == ""
    assert style("nll", 3.0, {"nll": float("nan")}, {"nll": "lower"}) == ""


@pytest.mark.parametrize("rows", range(-2, 60))
@pytest.mark.parametrize(("metrics", "leading", "samples"), [(29, 9, 8), (4, 2, 8), (9, 9, 0), (1, 1, 1), (29, 9, 2)])
def test_no_more_lines_than_there_are(rows, metrics, leading, samples):
    shown, kept = share(rows, metrics, leading, samples)
    used = (2 + shown + (shown < metrics) if shown else 0) + (2 + kept if kept else 0)
    assert used <= max(rows, 0)
    assert 0 <= shown <= metrics
    assert 0 <= kept <= samples
    if rows >= 5 + metrics + samples:
        assert (shown, kept) == (metrics, samples)


def test_a_control_is_compared_with_the_pretrained_model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # a short path, so that the header stays on one line
    home = Path("run")
    home.mkdir()
    console = Console(file=io.StringIO(), width=120, height=50)
    view = LiveView(console)
    play(view, RunDir(home), ["a"])
    view.control("constant-reward")
    view.began(fake_run("seqgan-constant-reward"), RunDir(home / "x"), Progress(1, 20, 320))
    view.stepped(step(2, 3))
    view.evaluated("adversarial", Progress(2, 3, 323), Measured({"nll_test": 2.4}, ["b"]))
    assert list(view.columns) == ["pretrain-g", "adversarial", "constant-reward"]
    assert view.reference == ("pretrain-g", VALUES)
    console.print(view.render())
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert shown.startswith(f"textgan seqgan  control constant-reward  on cpu  in {home}")
    assert "2.400 ▼" in shown


def test_a_resumed_run_shows_what_was_measured_before(tmp_path):
    folder = RunDir(tmp_path)
    folder.append({"step": 300, "phase": "pretrain-g", "round": 300, "kind": "evaluation", **VALUES})
    folder.append({"step": 301, "phase": "pretrain-d", "round": 1, "kind": "train", "d_loss": 1.0})
    folder.sentences(300, ["an old sentence"])
    watcher = RunState()
    watcher.began(fake_run(), folder, Progress(1, 1, 301))
    assert watcher.columns == {"pretrain-g": VALUES}
    assert watcher.oldest is not None
    assert watcher.oldest.texts == ["an old sentence"]


def test_before_there_is_a_run_the_view_says_what_it_does():
    console = Console(file=io.StringIO(), width=80)
    console.print(LiveView(console).render())
    assert "reading the data" in console.file.getvalue()  # type: ignore[attr-defined]


def test_live_starts_stops_and_leaves_nothing_behind_a_finished_run(tmp_path):
    console = Console(file=io.StringIO(), force_terminal=True, width=80, height=24)
    with LiveView(console) as view:
        play(view, RunDir(tmp_path), ["a"])
        view.stopping()
        view.live.refresh()
        view.finished = True
    written = console.file.getvalue()  # type: ignore[attr-defined]
    assert "press Ctrl-C again" in written
    assert written.rstrip("\r").endswith("\x1b[2K")


def test_only_a_terminal_gets_a_live_view(capsys):
    assert isinstance(suited(Console(stderr=True), quiet=False), Plain)
    terminal = Console(file=SimpleNamespace(isatty=lambda: True, write=None, flush=None), _environ={"TERM": "xterm"})  # type: ignore[arg-type]
    assert isinstance(suited(terminal, quiet=False), LiveView)
    dumb = Console(file=SimpleNamespace(isatty=lambda: True, write=None, flush=None), _environ={"TERM": "dumb"})  # type: ignore[arg-type]
    assert isinstance(suited(dumb, quiet=False), Plain)
    assert type(suited(terminal, quiet=True)) is RunState


def test_plain_lines(tmp_path, capsys):
    play(Plain(), RunDir(tmp_path), HOSTILE)
    out, err = capsys.readouterr()
    assert out == ""
    assert not CONTROL.search(err)
    lines = err.splitlines()
    assert lines[0] == f"seqgan on cpu, in {tmp_path}"
    assert lines[1].endswith("empty lines left out: 3; \\x1b[31mred: 1")
    assert [line.partition(":")[0] for line in lines[2:]] == [
        "pretrain-g",
        "pretrain-g, round 300",
        "pretrain-g ended after 0",
        "pretrain-d",
        "pretrain-d ended after 0",
        "adversarial",
        "adversarial, round 7",
    ]
    assert lines[-1] == "adversarial, round 7: nll_test 2.600, bleu3 0.300"


def test_plain_lines_of_a_resumed_run_begin_where_it_does(tmp_path, capsys):
    Plain().began(fake_run(), RunDir(tmp_path), Progress(2, 7, 327))
    assert "adversarial: 40 rounds, from round 7 on" in capsys.readouterr().err
    Plain().began(fake_run(), RunDir(tmp_path), Progress(1, 20, 320))
    assert "adversarial: 40 rounds\n" in capsys.readouterr().err
    Plain().began(fake_run(), RunDir(tmp_path), Progress(2, 40, 360))
    assert "rounds" not in capsys.readouterr().err


def test_a_run_survives_that_nobody_listens(tmp_path, monkeypatch):
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr("sys.stderr", Gone())
    play(Plain(), RunDir(tmp_path), ["a"])


def test_where_a_run_was_stopped(tmp_path):
    watcher = RunState()
    assert watcher.where() == ""
    play(watcher, RunDir(tmp_path), ["a"])
    assert watcher.where() == " after round 7 of adversarial"
    watcher.control("constant-reward")
    assert watcher.where() == " after round 7 of adversarial (control constant-reward)"

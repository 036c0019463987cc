"""The live view, shown a run that never happened."""

from __future__ import annotations

import io
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console
from support.fake_run import CONTROL, HOSTILE, fake_run, play, round_result

from textgan.cli.display.live_view import FOOTER, LiveView, compare_value, make_reporter, pack, share, side_by_side
from textgan.cli.display.plain import STOPPING, PlainReporter
from textgan.cli.display.run_state import RunState, SampleSnapshot
from textgan.runs.evaluator import Measured
from textgan.runs.run_dir import RunDir
from textgan.training.loop import Progress


def rendered(tmp_path, texts: list[str], width: int = 80, height: int = 40, **options) -> str:
    """Returns the view as text, with escape sequences if `options` make it a terminal."""
    console = Console(file=io.StringIO(), width=width, height=height, **options)
    view = LiveView(console)
    play(view, RunDir(tmp_path), texts)
    console.print(view.render())
    return console.file.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("height", [10, 16, 24, 40, 60])
def test_the_view_fits_the_terminal(tmp_path, width, height):
    lines = rendered(tmp_path, [f"sentence {n} " * 20 for n in range(8)], width, height).splitlines()
    assert len(lines) <= height
    assert max(map(len, lines)) <= width
    assert lines[-1].rstrip() == FOOTER


def test_the_view_shows_all_parts(tmp_path):
    view = rendered(tmp_path, ["a fox sleeps ."], 100, 40)
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


def test_hostile_samples_are_escaped(tmp_path):
    view = rendered(tmp_path, HOSTILE, 120, 40)
    assert not CONTROL.search(view)
    for text in (
        "\\x1b[31mred\\x1b[0m \\x1b]0;title\\x07",
        "[bold]loud[/bold] [/]",
        "\\u202egnp.exe",
        "two\\nlines\\tand",
        ":smile:",
    ):
        assert text in view, text
    coloured = rendered(tmp_path, HOSTILE, 120, 40, force_terminal=True, color_system="standard", _environ={})
    assert "\x1b]" not in coloured
    assert set(re.findall(r"\x1b(.)", coloured)) == {"["}
    assert "[bold]loud[/bold] [/]" in coloured


def test_no_color_disables_colours(tmp_path):
    colours = re.compile(r"\x1b\[(?:[0-9]+;)*(?:3[0-8]|4[0-8]|9[0-7])(?:;[0-9]+)*m")
    options = {"force_terminal": True, "color_system": "standard"}
    assert colours.search(rendered(tmp_path, ["a"], _environ={}, **options))
    assert not colours.search(rendered(tmp_path, ["a"], _environ={"NO_COLOR": "1"}, **options))


def test_better_values_are_green_and_worse_are_red():
    def style(*arguments) -> str:
        text = compare_value(*arguments)
        return str(text.spans[-1].style) if text.spans else ""

    assert style("nll", 2.0, {"nll": 3.0}, {"nll": "lower"}) == "green"
    assert style("nll", 4.0, {"nll": 3.0}, {"nll": "lower"}) == "red"
    assert style("bleu", 0.4, {"bleu": 0.3}, {"bleu": "higher"}) == "green"
    assert style("length", 4.0, {"length": 3.0}, {}) == "dim"
    assert style("nll", 3.0, {"nll": 3.0}, {"nll": "lower"}) == ""
    assert style("nll", 3.0, {"nll": float("nan")}, {"nll": "lower"}) == ""


@pytest.mark.parametrize("rows", range(-2, 60))
@pytest.mark.parametrize(("metrics", "leading", "samples"), [(29, 9, 8), (4, 2, 8), (9, 9, 0), (1, 1, 1), (29, 9, 2)])
def test_tables_fit_into_the_lines(rows, metrics, leading, samples):
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
    view.on_control_start("constant-reward")
    view.on_run_start(fake_run("seqgan-constant-reward"), RunDir(home / "x"), Progress(1, 20, 320))
    view.on_round_end(round_result(2, 3))
    view.on_evaluation("adversarial", Progress(2, 3, 323), Measured({"nll_test": 2.4}, ["b"]))
    assert list(view.columns) == ["pretrain-g", "adversarial", "constant-reward"]
    assert view.reference[0] == "pretrain-g"
    console.print(view.render())
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert shown.startswith(f"textgan seqgan  control constant-reward  on cpu  in {home}")
    assert "2.400 ▼" in shown


def test_the_view_before_the_run_starts():
    console = Console(file=io.StringIO(), width=80)
    console.print(LiveView(console).render())
    assert "loading the data" in console.file.getvalue()  # type: ignore[attr-defined]


def test_a_finished_view_is_erased(tmp_path):
    console = Console(file=io.StringIO(), force_terminal=True, width=80, height=24)
    with LiveView(console) as view:
        play(view, RunDir(tmp_path), ["a"])
        view.on_stop_requested()
        view.live.refresh()
        view.finished = True
    written = console.file.getvalue()  # type: ignore[attr-defined]
    assert "press Ctrl-C again" in written
    assert written.rstrip("\r").endswith("\x1b[2K")


def test_only_a_terminal_gets_a_live_view(capsys):
    assert isinstance(make_reporter(Console(stderr=True), quiet=False), PlainReporter)
    terminal = Console(file=SimpleNamespace(isatty=lambda: True, write=None, flush=None), _environ={"TERM": "xterm"})  # type: ignore[arg-type]
    assert isinstance(make_reporter(terminal, quiet=False), LiveView)
    dumb = Console(file=SimpleNamespace(isatty=lambda: True, write=None, flush=None), _environ={"TERM": "dumb"})  # type: ignore[arg-type]
    assert isinstance(make_reporter(dumb, quiet=False), PlainReporter)
    assert type(make_reporter(terminal, quiet=True)) is RunState


def test_a_stopped_view_remains(tmp_path):
    console = Console(file=io.StringIO(), force_terminal=True, width=80, height=24)
    with LiveView(console) as view:
        play(view, RunDir(tmp_path), ["a"])
        view.on_stop_requested()
    written = console.file.getvalue()  # type: ignore[attr-defined]
    assert not written.rstrip("\r").endswith("\x1b[2K")
    assert STOPPING in written


@pytest.mark.parametrize("width", [40, 60, 80])
def test_the_stop_message_is_one_line(tmp_path, width):
    console = Console(file=io.StringIO(), width=width, height=24)
    view = LiveView(console)
    play(view, RunDir(tmp_path), ["a"])
    view.on_stop_requested()
    console.print(view.render())
    last = console.file.getvalue().splitlines()[-1]  # type: ignore[attr-defined]
    assert last.startswith("finishing this round, then saving")
    assert len(last) <= width


def test_pack_fills_lines():
    items = [("a", "1"), ("bb", "2"), ("ccc", "3")]
    assert [line.plain for line in pack(items, 80)] == ["a 1  bb 2  ccc 3"]
    assert [line.plain for line in pack(items, 10)] == ["a 1  bb 2", "ccc 3"]
    assert list(pack([], 10)) == []


def test_samples_of_two_models_are_shown_next_to_each_other():
    old, new = SampleSnapshot("pretrain-g", 300, ["a"]), SampleSnapshot("adversarial", 7, ["b", "c"])
    console = Console(file=io.StringIO(), width=60)
    console.print(side_by_side(old, new, 2))
    console.print(side_by_side(new, new, 1))
    lines = [line.split("  ") for line in console.file.getvalue().splitlines()]  # type: ignore[attr-defined]
    rows = [[cell.strip() for cell in line if cell.strip()] for line in lines]
    assert rows == [
        ["pretrain-g, round 300", "adversarial, round 7"],
        ["a", "b"],
        ["c"],
        ["adversarial, round 7"],
        ["b"],
    ]

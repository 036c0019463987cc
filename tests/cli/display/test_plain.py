"""PlainReporter prints progress in lines."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from support.fake_run import CONTROL, HOSTILE, fake_run, play, round_result

from textgan.cli.display.plain import STOPPING, PlainReporter
from textgan.runs.run_dir import RunDir
from textgan.training.loop import Progress


def test_lines_of_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    play(PlainReporter(), RunDir(tmp_path), HOSTILE)
    out, err = capsys.readouterr()
    assert out == ""
    assert not CONTROL.search(err)
    lines = err.splitlines()
    assert lines[0] == f"seqgan on cpu, in {tmp_path}"
    assert lines[1].endswith("empty lines left out: 3; \\x1b[31mred: 1")
    assert [line.partition(":")[0] for line in lines[2:]] == [
        "pretrain-g",
        "pretrain-g, round 300",
        "pretrain-g finished in 0",
        "pretrain-d",
        "pretrain-d finished in 0",
        "adversarial",
        "adversarial, round 7",
    ]
    assert lines[2] == "pretrain-g: 300 rounds"
    assert lines[4].endswith(f", nll_train 1.234; saved {tmp_path / 'checkpoints' / '000300'}")
    assert lines[-1] == "adversarial, round 7: nll_test 2.600, bleu3 0.300"


@pytest.mark.parametrize(
    ("progress", "line"),
    [
        (Progress(2, 7, 327), "adversarial: 40 rounds, continued after round 7"),
        (Progress(1, 20, 320), "adversarial: 40 rounds"),
        (Progress(2, 40, 360), None),
    ],
)
def test_a_resumed_run_announces_its_phase(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], progress: Progress, line: str | None
) -> None:
    PlainReporter().on_run_start(fake_run(), RunDir(tmp_path), progress)
    assert capsys.readouterr().err.splitlines()[2:] == ([] if line is None else [line])


def test_a_control_is_announced_without_a_header(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reporter = PlainReporter()
    reporter.on_run_start(fake_run(), RunDir(tmp_path), Progress())
    capsys.readouterr()
    reporter.on_control_start("constant-reward")
    reporter.on_run_start(fake_run("seqgan-constant-reward"), RunDir(tmp_path), Progress(1, 20, 320))
    assert capsys.readouterr().err == "control constant-reward\nadversarial: 40 rounds\n"


def test_a_run_continues_if_stderr_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr("sys.stderr", Gone())
    reporter = PlainReporter()
    play(reporter, RunDir(tmp_path), ["a"])
    reporter.on_stop_requested()  # this stderr has no file descriptor either
    assert reporter.stop_requested


def test_a_stop_request_is_confirmed(capfd: pytest.CaptureFixture[str]) -> None:
    PlainReporter().on_stop_requested()
    assert capfd.readouterr().err == f"{STOPPING}\n"


def test_only_six_statistics_fit_into_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reporter = PlainReporter()
    reporter.on_run_start(fake_run(), RunDir(tmp_path), Progress())
    reporter.on_round_end(round_result(0, 300))
    reporter.on_log(round_result(0, 300), {f"stat{n}": 1.0 for n in range(9)})
    reporter.on_checkpoint(tmp_path / "000300")
    line = capsys.readouterr().err.splitlines()[3]
    assert "stat5 1.000" in line
    assert "stat6" not in line


def test_a_phase_ends_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reporter = PlainReporter()
    reporter.on_run_start(fake_run(), RunDir(tmp_path), Progress())
    reporter.on_round_end(round_result(0, 300))
    reporter.on_checkpoint(tmp_path / "000300")
    capsys.readouterr()
    reporter.on_checkpoint(tmp_path / "000300")
    assert capsys.readouterr().err == ""

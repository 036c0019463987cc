from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from textgan.core.errors import UserError
from textgan.testing.gradient_problems import Measured
from textgan.testing.lab.plot import FORMATS, draw
from textgan.testing.lab.survey import Row, Setting, survey, sweep

pytest.importorskip("matplotlib")

MEASURED = Measured("sequence rewards", 1.0, 1.0, 0.0, 5.0, 8.0, 1.0, p_value=0.5)
ROW = Row("mine", "here", True, MEASURED)


def test_results_and_sweeps_are_drawn(tmp_path: Path) -> None:
    tiny = Setting(rows=50, repeats=5)
    rows, swept = list(survey(tiny, ["reinforce", "rollout"])), list(sweep(tiny, ["rollout"]))
    assert len({row.options["rollouts"] for row in swept}) == len(swept) > 2
    draw(rows, swept, tmp_path / "lab.svg")
    picture = (tmp_path / "lab.svg").read_text()
    assert "rollouts" in picture
    assert "tokens read per sequence" in picture
    assert {row.measured.problem for row in rows if row.measured} <= set(picture.replace(">", "<").split("<"))


def test_the_same_results_give_the_same_file(tmp_path: Path) -> None:
    for name in ("one.svg", "two.svg"):
        draw([ROW], [], tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


def test_the_bias_of_a_biased_estimator_is_written_beside_it(tmp_path: Path) -> None:
    biased = Row("wrong", "here", False, replace(MEASURED, p_value=1e-9, bias2=0.25))
    draw([ROW, biased], [], tmp_path / "lab.svg")
    picture = (tmp_path / "lab.svg").read_text()
    assert "wrong, bias² 0.25" in picture
    assert "mine, bias" not in picture


def test_estimators_that_were_not_run_are_left_out(tmp_path: Path) -> None:
    draw([ROW, Row("absent", "here", False, None, note="not run")], [], tmp_path / "lab.svg")
    assert "absent" not in (tmp_path / "lab.svg").read_text()


@pytest.mark.parametrize("suffix", FORMATS)
def test_the_suffix_is_the_format(tmp_path: Path, suffix: str) -> None:
    draw([ROW], [], tmp_path / f"lab.{suffix}")
    start = (tmp_path / f"lab.{suffix}").read_bytes()[:5]
    assert {"svg": b"<?xml", "png": b"\x89PNG\r", "pdf": b"%PDF-"}[suffix] == start


@pytest.mark.parametrize("name", ["lab.txt", "lab"])
def test_an_unknown_format_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match="unknown format; expected svg, png, pdf"):
        draw([ROW], [], tmp_path / name)

"""The table of metrics and the sentence about controls."""

from __future__ import annotations

import io
import math

import pytest
from rich.console import Console

from textgan.cli.display.table import (
    best_of,
    changed_keys,
    control_sentence,
    leading,
    metric_table,
    row_name,
    signature_lines,
)

CONTROLS = {
    "constant-reward": {"reward": {"name": "constant", "value": 1}},
    "continued-mle": {
        "phases": {"adversarial": {"turns": {"generator": {"objective": "likelihood"}}}, "pretrain-d": None}
    },
}


def test_the_table_marks_directions_and_best_values() -> None:
    columns = {"pretrain": {"nll": 2.5, "bleu": 0.5, "n": 3.0}, "[red]gan": {"nll": 2.25, "bleu": 0.25, "extra": 1.0}}
    console = Console(file=io.StringIO(), force_terminal=True, width=80, _environ={}, color_system="standard")
    console.print(metric_table(columns, {"nll": "lower", "bleu": "higher"}))
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    for text in ("[red]gan", "↓", "↑", "2.250\x1b[0m", "0.500\x1b[0m", "extra"):
        assert text in shown, text
    for text in ("2.500\x1b[0m", "0.250\x1b[0m", "3.000\x1b[0m"):
        assert text not in shown, text


def test_a_single_column_has_no_best_values() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=80, _environ={}, color_system="standard")
    console.print(metric_table({"train": {"nll": 2.5}}, {"nll": "lower"}))
    assert "2.500\x1b[0m" not in console.file.getvalue()  # type: ignore[attr-defined]


def test_row_names_have_arrows_and_are_escaped() -> None:
    assert row_name("nll", {"nll": "lower"}).plain == "nll ↓"
    assert row_name("\x1b[31m", {}).plain == "\\x1b[31m"


@pytest.mark.parametrize(
    ("row", "direction", "best"),
    [
        ([1.0, 2.0, None, math.nan], "higher", 2.0),
        ([1.0, 2.0], "lower", 1.0),
        ([1.0, 1.0], "lower", None),
        ([1.0, 2.0], None, None),
        ([], "higher", None),
    ],
)
def test_best_of_a_row(row: list[float | None], direction: str | None, best: float | None) -> None:
    assert best_of(row, direction) == best


def test_leading_metrics_have_a_direction_and_one_of_each_family() -> None:
    better = dict.fromkeys(("bleu2", "bleu5", "nll", "self_bleu2"), "lower")
    assert leading(["bleu2", "bleu5", "entropy", "nll", "self_bleu2"], better) == ["bleu5", "nll", "self_bleu2"]


def test_signatures_are_escaped() -> None:
    assert [line.plain for line in signature_lines(["bleu: 2-5", "\x1b"])] == ["bleu: 2-5", "\\x1b"]


def test_changed_keys_count_a_component_as_one() -> None:
    assert list(changed_keys(CONTROLS["constant-reward"])) == ["reward"]
    assert list(changed_keys(CONTROLS["continued-mle"])) == [
        "phases.adversarial.turns.generator.objective",
        "phases.pretrain-d",
    ]


def test_controls_with_a_common_start_are_described_together() -> None:
    assert control_sentence(CONTROLS, dict.fromkeys(CONTROLS, "pretrain-g")) == (
        "Controls start from the checkpoint at the end of pretrain-g: constant-reward changes reward; "
        "continued-mle changes phases.adversarial.turns.generator.objective and phases.pretrain-d."
    )
    assert control_sentence({"a": {"seed": 1}}, {"a": None}) == "Controls start from scratch: a changes seed."


def test_controls_with_different_starts_are_described_one_by_one() -> None:
    text = control_sentence(CONTROLS, {"constant-reward": None, "continued-mle": "pretrain-g"})
    assert text == (
        "Controls: constant-reward starts from scratch and changes reward; continued-mle starts from the checkpoint at "
        "the end of pretrain-g and changes phases.adversarial.turns.generator.objective and phases.pretrain-d."
    )

"""Tests the charts of a report: what each line shows, axis labels, colors and dash patterns."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Any

from support.planting import Values, curve

from textgan.compare.analysis.results import results
from textgan.compare.design.plan import Plan
from textgan.compare.reporting import figures


def labels_of(picture: Any) -> list[str]:
    return re.findall(r'text-anchor="middle">([^<]*[a-zA-Z][^<]*)</text>', str(picture))


def legend_of(picture: Any) -> list[str]:
    return re.findall(r"</svg>([^<]*)</li>", str(picture))


def dots_of(picture: Any) -> list[str]:
    return re.findall(r'<circle class="dot c\d" cx="[^"]+" cy="[^"]+" r="3.5"><title>([^<]*)</title>', str(picture))


def test_axes_are_labeled_with_direction_and_unit(planted: Callable[..., Plan]) -> None:
    picture = figures.frontier(results(planted({"one": curve(0.1), "two": curve(0.0)}, seeds=2)), ["one", "two"])
    assert labels_of(picture) == [
        "diversity: − NLL of test text (nats/token)",
        "quality: BLEU-4 (0 to 1)",
    ]


def test_frontier_has_a_point_per_temperature_and_a_band_over_seeds(planted: Callable[..., Plan]) -> None:
    plan = planted({"one": curve(0.1, noise=lambda seed: 0.1 * seed), "one: start": curve(0.0), "two": curve(0.0)})
    picture = figures.frontier(results(plan), ["one", "one: start", "two"])
    assert dots_of(picture)[:2] == ["one, temperature 0.7", "one, temperature 1"]
    assert str(picture).count("<polygon") == 3
    assert legend_of(picture) == ["one", "one: start", "two"]
    for line in ("line c0", "line c0 d1", "line c1"):
        assert f'class="{line}"' in str(picture), "a control has its variant's color and is dashed"


def test_infinite_or_missing_points_are_not_drawn(planted: Callable[..., Plan]) -> None:
    def infinite_at_1(seed: int) -> list[dict[str, float]]:
        low, high = curve(0.0)(seed)
        return [dict(low), {**high, "bleu4": math.inf}]

    def without_diversity(seed: int) -> list[dict[str, float]]:
        return [{key: point[key] for key in ("temperature", "bleu4")} for point in curve(0.0)(seed)]

    plan = planted({"one": infinite_at_1, "two": curve(0.0), "one: constant": without_diversity}, seeds=2)
    picture = figures.frontier(results(plan), ["one", "one: constant", "two"])
    assert dots_of(picture) == ["one, temperature 0.7", "two, temperature 0.7", "two, temperature 1"]
    assert legend_of(picture) == ["one", "two"]


def test_collapsed_method_does_not_change_the_scale(planted: Callable[..., Plan]) -> None:
    collapsed: Values = curve(0.2, diversity=-20.0, unique=0.05)
    plan = planted({"one": collapsed, "one: start": curve(0.0), "two": curve(0.1)}, seeds=2)
    found = results(plan)
    assert "one (points outside the frame not shown)" in legend_of(figures.frontier(found, ["one", "two"]))


def test_training_curves_show_evaluations_of_seed_0_with_phases(planted: Callable[..., Plan]) -> None:
    plan = planted({"one": curve(0.1), "two": curve(0.0)}, seeds=2)
    run = plan.home("one", 0) / "run"
    run.mkdir()
    entries = [
        {"global_round": 2, "kind": "train", "bleu4": 0.9},
        {"global_round": 3, "kind": "evaluation", "bleu4": 0.1, "nll_test": 4.0},
        {"global_round": 6, "kind": "evaluation", "bleu4": 0.2, "nll_test": math.inf},
        {"global_round": 9, "kind": "evaluation", "bleu4": 0.3, "nll_test": 3.0},
    ]
    (run / "metrics.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in entries), encoding="utf-8")
    quality, diversity = figures.training(results(plan), ["one", "two"])
    assert labels_of(quality) == ["round", "BLEU-4 (0 to 1)"]
    assert labels_of(diversity) == ["round", "NLL of test text (nats/token)"]
    assert len(dots_of(quality)) == 3, "evaluations only"
    assert len(dots_of(diversity)) == 2, "finite values only"
    assert legend_of(quality) == ["one"], "the other method has no entries"
    assert re.findall(r">(pretrain-.|adversarial)</text>", str(quality)) == ["pretrain-g", "pretrain-d", "adversarial"]
    assert list(figures._phase_starts(plan, "one")) == [(0, "pretrain-g"), (6, "pretrain-d"), (7, "adversarial")]


def test_no_training_curves_without_entries(planted: Callable[..., Plan]) -> None:
    found = results(planted({"one": curve(0.1), "two": curve(0.0)}))
    assert list(figures.training(found, ["one", "two"])) == ["", ""]


def test_exposure_curves_are_means_over_seeds(planted: Callable[..., Plan]) -> None:
    plan = planted({"one": curve(0.1), "two": curve(0.0)}, seeds=2)
    for seed, shift in ((0, 0.0), (1, 1.0)):
        file = plan.home("one", seed) / "measured.json"
        content = json.loads(file.read_text(encoding="utf-8"))
        drift = {"free": [1 + shift, 2 + shift, None], "continuation": [1.0, 1.0, 3.0], "real": [1.0, 1.0, 1.0]}
        file.write_text(json.dumps(content | {"drift": drift}), encoding="utf-8")
    picture = figures.exposure(results(plan), ["one", "two"])
    assert legend_of(picture) == ["one, free samples", "one, after real prefixes", "held-out text"]
    assert labels_of(picture) == ["position in the sentence (tokens)", "NLL under the evaluator LM (nats/token)"]
    assert len(dots_of(picture)) == 2 + 3 + 3
    assert figures._mean_curve([[1.0, 2.0, None], [2.0, 3.0, 5.0]]) == [(1, 1.5), (2, 2.5)], "only common positions"


def test_no_exposure_chart_without_curves(planted: Callable[..., Plan]) -> None:
    assert figures.exposure(results(planted({"one": curve(0.1), "two": curve(0.0)})), ["one", "two"]) == ""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner
from support.planting import Values, curve

from textgan.cli.commands.compare import _parse_lengths
from textgan.cli.group import textgan
from textgan.compare import length_study
from textgan.compare.analysis.results import Results, results
from textgan.compare.design.plan import Plan, Settings
from textgan.compare.length_study import Gain, Study, gains, make_plan, read, write
from textgan.core.errors import UserError
from textgan.recipe import Recipe
from textgan.runs.cost import COUNTS


@pytest.fixture
def files(recipes: list[Recipe]) -> list[str]:
    return [recipe.file for recipe in recipes]


@pytest.fixture
def study(files: list[str], tmp_path: Path) -> Study:
    return make_plan(files, [], [5, 6, 7], Settings(seeds=6), tmp_path / "study")


def plant(plan: Plan, values: Mapping[str, Values]) -> Results:
    cost = {part: dict.fromkeys(COUNTS, 1.0) for part in ("start", "after")}
    for name, points in values.items():
        for seed in range(plan.settings.seeds):
            home = plan.home(name, seed)
            home.mkdir(parents=True)
            content = {"points": points(seed), "texts": ["<b>x"], "cost": cost}
            (home / "measured.json").write_text(json.dumps(content), encoding="utf-8")
    return results(plan)


def noisy(seed: int) -> float:
    return [0.003, -0.002, 0.001, -0.003, 0.002, -0.001][seed]


@pytest.fixture
def found(study: Study) -> list[tuple[int, Results]]:
    """Simulates results: the gain of "one" falls with length to 0; the gain of "two" is always negative."""
    gain_of = {5: 0.2, 6: 0.1, 7: 0.0}
    return [
        (length, plant(plan, {
            "one": curve(gain_of[length], noise=noisy), "one: start": curve(0.0), "two": curve(-0.1),
            "one: constant": curve(0.05), "one: early": curve(0.5),
        }))
        for length, plan in study.plans().items()
    ]  # fmt: skip


def by(found: list[Gain], method: str, length: int) -> Gain:
    return next(gain for gain in found if (gain.method, gain.length) == (method, length))


def test_each_length_has_its_own_comparison(study: Study) -> None:
    plans = study.plans()
    assert list(plans) == [5, 6, 7]
    assert {length: plan.recipe(plan.methods[0], 0).filled["max_len"] for length, plan in plans.items()} == {
        5: 5,
        6: 6,
        7: 7,
    }
    assert len({plan.folder for plan in plans.values()}) == 3
    assert all(plan.settings.seeds == 6 for plan in plans.values())


def test_a_source_with_a_length_generates_that_length(tmp_path: Path) -> None:
    study = make_plan(["seqgan", "rankgan"], ["data.name=oracle"], [8, 9], Settings(seeds=1), tmp_path / "study")
    filled = study.plans()[9].recipe(study.plans()[9].methods[0], 0).filled
    assert (filled["data"]["length"], filled["max_len"]) == (9, None)


def test_a_saved_study_can_be_read(study: Study, tmp_path: Path) -> None:
    assert read(study.folder) == study
    assert read(tmp_path) is None


def test_a_gain_is_the_difference_from_the_methods_own_start(found: list[tuple[int, Results]]) -> None:
    each = gains(found)
    assert {gain.method for gain in each} == {"one", "two", "one: constant"}, "not the start itself, nor early"
    for length, gain in ((5, 0.2), (6, 0.1), (7, 0.0)):
        difference = by(each, "one", length).difference
        assert difference is not None
        assert difference.mean == pytest.approx(gain, abs=0.01)
        assert by(each, "one: constant", length).difference.mean == pytest.approx(0.05)  # type: ignore[union-attr]
        assert by(each, "two", length).difference.mean == pytest.approx(-0.1)  # type: ignore[union-attr]


def test_gains_are_corrected_for_all_methods_and_lengths(found: list[tuple[int, Results]]) -> None:
    """Six seeds give p = 1/32 at best; corrected for nine gains it is 0.28, not significant at 0.1."""
    each = gains(found)
    assert by(each, "one", 5).corrected == pytest.approx(9 / 32)
    assert by(each, "one", 5).verdict == "not enough seeds"
    alone = gains([(length, each) for length, each in found if length == 5])
    assert by(alone, "one", 5).corrected == pytest.approx(3 / 32)
    assert by(alone, "one", 5).verdict == "better"
    assert by(alone, "two", 5).verdict == "worse"


def test_the_page_shows_links_gaps_and_gains(study: Study, found: list[tuple[int, Results]]) -> None:
    page = write(study, found[:2])
    text = page.read_text(encoding="utf-8")
    assert 'href="length-5/report.html"' in text
    assert "Length 7 has no results" in text
    assert text.count("<polyline") == 2 * 3, "three methods, in the chart and in its legend"
    assert "+0.200" in text
    assert "http" not in text.replace("http-equiv", "")
    document = json.loads((study.folder / "results.json").read_text(encoding="utf-8"))
    assert {(gain["length"], gain["method"]) for gain in document} >= {(5, "one"), (6, "two")}


def test_the_report_command_writes_all_pages(study: Study, found: list[tuple[int, Results]]) -> None:
    done = CliRunner().invoke(textgan, ["report", str(study.folder)])
    assert done.exit_code == 0, done.output
    assert done.output.strip() == str(study.folder / "report.html")
    assert all((study.home(length) / "report.html").is_file() for length in (5, 6, 7))


def test_a_method_without_common_diversity_is_incomparable(study: Study) -> None:
    plan = study.plans()[5]
    each = gains([(5, plant(plan, {"one": curve(0.2, diversity=-9.0), "one: start": curve(0.0), "two": curve(0.0)}))])
    assert by(each, "one", 5).verdict == "incomparable"
    assert by(each, "one", 5).difference is None


def test_a_page_without_a_chart_says_why(study: Study) -> None:
    apart = {"one": curve(0.2, diversity=-9.0), "one: start": curve(0.0), "two": curve(0.2, diversity=-9.0)}
    text = write(study, [(5, plant(study.plans()[5], apart))]).read_text(encoding="utf-8")
    assert "has no diversity in common with its start" in text
    assert "<svg" not in text


def test_lengths_are_parsed() -> None:
    assert _parse_lengths("40,20,40") == [20, 40]
    assert _parse_lengths(None) == []
    for wrong in ("x", "20,", "0"):
        with pytest.raises(UserError, match="--lengths"):
            _parse_lengths(wrong)


def test_a_study_without_results_is_an_error(study: Study) -> None:
    with pytest.raises(UserError, match="no length has results"):
        length_study.gains([])


def test_a_failed_length_does_not_affect_the_others(
    study: Study, found: list[tuple[int, Results]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from textgan.cli.display import comparison_view
    from textgan.core.errors import Failure

    def run_comparison(plan: Plan, *_: object) -> Results:
        if plan.folder.name == "length-6":
            raise Failure("every run failed")
        return dict(found)[int(plan.folder.name.removeprefix("length-"))]

    monkeypatch.setattr(comparison_view, "run_comparison", run_comparison)
    run: Callable[..., None] = comparison_view.run_study
    run(study, 1, [], None)
    assert "length 6: every run failed" in capsys.readouterr().err
    assert "Length 6 has no results" in (study.folder / "report.html").read_text(encoding="utf-8")

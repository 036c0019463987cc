"""Eta measures speeds and estimates the remaining time."""

from __future__ import annotations

import pytest

from textgan.cli.display.eta import Estimate, Eta, describe_eta, describe_speed


def test_phases_of_unknown_speed_are_named_instead_of_counted() -> None:
    eta = Eta([("a", 100), ("b", 50), ("c", 10)])
    eta.update(0, 0, 0.0)
    assert describe_eta(eta.estimate(0, 0), "") == "measuring the speed, then b, c"
    eta.update(0, 20, 10.0)
    estimate = eta.estimate(0, 20)
    assert (estimate.speed, estimate.phase, estimate.total) == (2.0, 40.0, 40.0)
    assert describe_eta(estimate, "2 controls") == "0:40 left in this phase, then b, c, 2 controls"
    eta.update(1, 1, 50.0)
    eta.update(1, 11, 60.0)
    assert eta.times == {0: 50.0}
    assert eta.estimate(1, 11).phase == 39.0


def test_known_speeds_give_a_total() -> None:
    estimate = Eta([("a", 100), ("b", 50)], {"a": 2.0, "b": 1.0}).estimate(0, 0)
    assert (estimate.phase, estimate.total, estimate.unknown) == (50.0, 100.0, [])
    assert describe_eta(estimate, "") == "0:50 left in this phase, 1:40 in total"


def test_an_empty_phase_is_not_waited_for() -> None:
    assert Eta([("a", 100), ("b", 0)], {"a": 2.0}).estimate(0, 0).unknown == []


def test_the_speed_of_a_resumed_phase_counts_from_its_continuation() -> None:
    eta = Eta([("a", 100)])
    eta.update(0, 90, 5.0)
    eta.update(0, 92, 6.0)
    assert eta.estimate(0, 92).phase == 4.0


def test_no_speed_without_a_finished_round_or_elapsed_time() -> None:
    eta = Eta([("a", 100)])
    eta.update(0, 3, 5.0)
    eta.update(0, 3, 9.0)
    assert eta.speeds == {}
    eta.update(0, 4, 5.0)
    assert eta.speeds == {}


def test_given_speeds_are_not_changed() -> None:
    speeds = {"a": 1.0}
    eta = Eta([("a", 100)], speeds)
    eta.update(0, 0, 0.0)
    eta.update(0, 50, 5.0)
    assert (eta.speeds, speeds) == ({"a": 10.0}, {"a": 1.0})


@pytest.mark.parametrize(
    ("speed", "text"),
    [
        (None, ""),
        (0.0, ""),
        (1234.5, "1,234 rounds/s"),
        (31.2, "31 rounds/s"),
        (3.14, "3.1 rounds/s"),
        (0.4, "2.5 s/round"),
    ],
)
def test_speeds(speed: float | None, text: str) -> None:
    assert describe_speed(speed) == text


def test_a_total_equal_to_the_phase_is_left_out() -> None:
    assert describe_eta(Estimate(1.0, 30.0, 30.5, []), "") == "0:30 left in this phase"

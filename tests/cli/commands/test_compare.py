"""What the command line takes and refuses, before anything is run."""

from __future__ import annotations

import pytest

from textgan.cli.commands.compare import _budget
from textgan.core.errors import UserError


def test_budgets_are_read() -> None:
    assert _budget(["seconds=60", "tokens=2e6"]) == {"seconds": 60, "tokens": 2_000_000}
    assert _budget([]) == {}


@pytest.mark.parametrize(
    ("given", "told"),
    [("second=60", 'did you mean "seconds"'), ("steps", "above 0"), ("steps=-1", "above 0"), ("steps=inf", "above 0")],
)
def test_other_budgets_are_refused(given: str, told: str) -> None:
    with pytest.raises(UserError, match=told):
        _budget([given])

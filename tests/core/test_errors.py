from __future__ import annotations

import pytest

from textgan.core.errors import Failure, UserError


def test_bad_input_and_failed_runs_are_told_apart() -> None:
    assert not issubclass(UserError, Failure)
    assert not issubclass(Failure, UserError)
    with pytest.raises(UserError, match=r"^data\.path=x: file not found$"):
        raise UserError("data.path=x: file not found")

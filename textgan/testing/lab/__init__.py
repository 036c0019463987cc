"""The gradient laboratory: every registered estimator on problems whose true gradient is known."""

from textgan.testing.lab.survey import Row, survey, sweep

__all__ = ["Row", "survey", "sweep"]

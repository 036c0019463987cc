"""Compares recipes on the same data and from shared starts, with controls, and draws statistical conclusions."""

from typing import TYPE_CHECKING

from textgan.core.lazy import lazy_exports

if TYPE_CHECKING:
    from textgan.compare.analysis.results import Results as Results
    from textgan.compare.analysis.results import results as results
    from textgan.compare.design.plan import Plan as Plan
    from textgan.compare.design.plan import Settings as Settings
    from textgan.compare.design.plan import make_plan as make_plan
    from textgan.compare.reporting.report import write as write

__getattr__, __dir__, __all__ = lazy_exports(__name__)

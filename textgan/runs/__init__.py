"""Runs: building, training, saving, resuming, evaluating, and the finished model."""

from typing import TYPE_CHECKING

from textgan.core.lazy import lazy_exports

if TYPE_CHECKING:
    from textgan.runs.api import resume as resume
    from textgan.runs.api import run as run
    from textgan.runs.api import scorer as scorer
    from textgan.runs.builder import Run as Run
    from textgan.runs.builder import build as build
    from textgan.runs.builder import prepare as prepare
    from textgan.runs.model import Model as Model
    from textgan.runs.model import load as load
    from textgan.runs.reporter import ProgressReporter as ProgressReporter
    from textgan.runs.reporter import Result as Result
    from textgan.runs.run_dir import RunDir as RunDir
    from textgan.runs.runner import branch as branch
    from textgan.runs.runner import start as start

__getattr__, __dir__, __all__ = lazy_exports(__name__)

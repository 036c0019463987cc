"""Paths that tests need."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "data"
"""Real data beside the repository; a test that uses it skips if it is missing."""

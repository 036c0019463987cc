"""Designs a comparison: which recipes and controls run, with which seeds, and from which checkpoints."""

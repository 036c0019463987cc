"""The design of a comparison: which runs, with which controls, from which checkpoints."""

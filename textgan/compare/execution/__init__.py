"""Executes a comparison in local processes or cluster jobs, and measures each run."""

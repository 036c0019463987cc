"""The execution of a comparison: processes, clusters, and the measurement of each run."""

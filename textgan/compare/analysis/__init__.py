"""The analysis of a comparison: frontiers, statistics, warnings and conclusions."""

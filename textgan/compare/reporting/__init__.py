"""The reports of a comparison: HTML, JSON, CSV and LaTeX."""

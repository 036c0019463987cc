"""Several recipes side by side: the same data and starts, controls unasked, and verdicts only where they hold."""

"""Benchmarks: times, profiles and memory of training steps. Run each as `python -m benchmarks.NAME`."""

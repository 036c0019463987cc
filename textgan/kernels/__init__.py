"""Kernels of our own, for what no chain of PyTorch's does without writing large tensors in between.

Each has a plain counterpart in PyTorch that it equals, and is used where the device has one (`textgan.devices`).
"""

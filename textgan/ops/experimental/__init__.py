"""Triton kernels that no GPU has run yet. Off unless TEXTGAN_TRITON=1, and checked against PyTorch before use."""

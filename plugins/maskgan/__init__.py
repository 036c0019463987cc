"""MaskGAN (Fedus, Goodfellow and Dai 2018, arXiv:1801.07736) as a plugin, written against the public API only."""

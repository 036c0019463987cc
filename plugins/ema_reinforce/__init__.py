"""ScratchGAN's baseline as a plugin, written against the public API only."""

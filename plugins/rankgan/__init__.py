"""RankGAN as a plugin: its ranking loss, written against the public API alone."""

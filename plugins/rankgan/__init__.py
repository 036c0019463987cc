"""RankGAN's ranking loss as a plugin, written against the public API only."""

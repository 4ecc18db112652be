"""The command `anime-gan`."""

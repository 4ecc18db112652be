"""The verbs of `anime-gan` for which training must be installed, a file or a folder each."""

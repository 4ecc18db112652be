"""The verbs of `anime-gan copies`, one file each."""

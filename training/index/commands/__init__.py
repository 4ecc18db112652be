"""The verbs of `anime-gan index`, one file each: `add(verbs)` adds the parser with its `run`."""

"""The verbs of `anime-gan dataset`, one file each: `add(verbs)` adds the parser with its `run`."""

"""Our own small network for 2x: its training, in reading order network, pairs, trainer, run."""

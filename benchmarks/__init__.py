"""Runnable comparisons with other systems, each with its results file in `results/`."""

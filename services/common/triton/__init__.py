"""Triton, as services see it: its client, batches, catalogue, and traffic between versions."""

"""Triton and the services on one machine, without Docker, root or a GPU."""

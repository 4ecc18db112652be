"""Enlarging: networks, what they are trained on, how their quality is measured, their export."""

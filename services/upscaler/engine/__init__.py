"""Enlarging, strip by strip: tiles through networks, then a filter."""

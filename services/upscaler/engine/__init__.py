"""Enlarging, strip by strip: tiles, passes of networks, resampling, transforms."""

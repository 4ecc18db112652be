"""Writes the indexes that `animegan_search.ssim.index` opens: build, append, remove, calibrate."""

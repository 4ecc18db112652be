"""Writes the indexes that `animegan_ssim.index` opens: build, append, remove, calibrate."""

"""Exact SSIM of pictures against every picture of a set, in milliseconds.

tiles       how references lie in memory and on the disk: sixteen images side by side
definition  which SSIM: uniform 7x7 windows, or Gaussian ones
reference   the definition in float64, one pair at a time
engine      every score, the best k, sum and histogram, of many queries in one pass; in C
index       references in a directory, with checksums, shards and tombstones
verdict     is the best score closer than that of an unseen real image would be?
"""

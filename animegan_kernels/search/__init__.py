"""Exact search in C: for Python (animegan_search/ssim/engine.py) and for Triton (backend.c).

The engine of the search by SSIM:

engine      searches: scans, then scores again in float64 whoever could be among the best
workers     threads that share the loops of all searches
scan        SSIM in float32, compiled once for every instruction set: uniform.h, gaussian.h
tables      what a scan needs to know of a query
exact       SSIM in float64, to the last bit that of animegan_search/ssim/reference.py
sums        sum and histogram of scores, to the last bit NumPy's
ranks       who comes first
definition  the two SSIMs

The rest is for Triton: indexes and embeddings in files, checked and kept open; models that answer.
"""

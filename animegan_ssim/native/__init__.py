"""The scan in C, for x86-64 with AVX2 or AVX-512."""

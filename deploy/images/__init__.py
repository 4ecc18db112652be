"""Image files, and the programs that run in them."""

"""Picture files: what may come in, what goes out."""

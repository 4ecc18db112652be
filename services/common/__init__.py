"""What every service shares, from the life of its process to the pictures it encodes."""

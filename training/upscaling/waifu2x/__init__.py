"""The published networks of waifu2x: their files are read here and become served models."""

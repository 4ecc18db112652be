"""The copy detector: an embedding in which changed copies of an image lie beside the image."""

from pathlib import Path

# The detector that this project serves.
SHIPPED = Path(__file__).parents[1] / "weights" / "copies-64.safetensors"

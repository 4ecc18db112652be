"""How good a generator is: distances between real and generated images in a feature space."""

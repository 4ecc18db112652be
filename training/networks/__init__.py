"""Generator and discriminator networks, one package per architecture."""

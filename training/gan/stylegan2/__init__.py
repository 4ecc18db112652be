"""How a StyleGAN2 is trained: its options, its presets and its step."""

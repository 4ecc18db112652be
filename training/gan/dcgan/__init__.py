"""How a DCGAN is trained: its options, its presets and its step."""

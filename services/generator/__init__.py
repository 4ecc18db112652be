"""The generator service: invents faces from seeds."""

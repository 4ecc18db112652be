"""The upscaler service: enlarges pictures by networks or by classical filters."""

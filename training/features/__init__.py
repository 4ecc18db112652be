"""Networks that turn images into features, and the cache of what they said."""

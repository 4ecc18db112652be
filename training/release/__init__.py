"""From a new version of a model to all its traffic, and back: gate, publish, canary, rollback."""

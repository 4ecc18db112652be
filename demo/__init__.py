"""`make demo`: the main job, whole, on a bare machine."""

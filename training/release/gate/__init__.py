"""Whether a candidate may go to production: measured beside the version that serves now."""

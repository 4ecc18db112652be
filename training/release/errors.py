"""What releasing refuses."""


class ReleaseError(Exception):
    """A release step is refused; the message says why and what to do."""

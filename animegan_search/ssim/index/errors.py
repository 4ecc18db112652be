"""What can be wrong with an index; each message names the file and the remedy.

SearchIndexError
├── NotAnIndexError       no manifest there, or one of another program
├── IndexVersionError     of a format version that this program does not read
├── DamagedIndexError     files are missing, cut short, changed, or contradict the manifest
├── UnknownImageError     the index holds no image of this id
└── NotCalibratedError    no calibration belongs to the index as it is now
"""


class SearchIndexError(Exception):
    """Something is wrong with an index; the message names it."""


class NotAnIndexError(SearchIndexError):
    """The path holds no index."""


class IndexVersionError(SearchIndexError):
    """The index has a format version that this program does not read."""


class DamagedIndexError(SearchIndexError):
    """The index's files do not agree with its manifest."""


class UnknownImageError(SearchIndexError):
    """The index holds no image of this id."""


class NotCalibratedError(SearchIndexError):
    """No calibration belongs to the index as it is now."""

"""Why an index is not written.

SearchIndexError (animegan_search.ssim)
├── IndexMismatchError   directory, dataset or shapes do not belong together
└── IndexBusyError       another process is changing the index
"""

from __future__ import annotations

from animegan_search.ssim.index import SearchIndexError


class IndexMismatchError(SearchIndexError):
    """Directory, dataset or shapes do not belong together."""


class IndexBusyError(SearchIndexError):
    """Another process is changing the index."""

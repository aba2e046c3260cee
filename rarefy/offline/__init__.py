"""A whole collection encoded and indexed at once, by many processes on Ray's nodes.

    source -> slices -> encoded slices -> segments of an index, or shards of a distributed one

Needs the extra ``ray``, which is imported when a build begins.
"""

from rarefy.offline.building import Built, build

__all__ = ["Built", "build"]

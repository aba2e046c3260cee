"""Sparse vectors to ranked documents: an inverted index.

Needs numpy, scipy and numba alone.
"""

from rarefy.index.hits import Hits
from rarefy.index.index import Index

__all__ = ["Hits", "Index"]

"""Sparse vectors to ranked documents: an inverted index.

Needs numpy, scipy and numba; and pyarrow, once documents have metadata.
"""

from rarefy.index.expressions import Expression, field
from rarefy.index.hits import Hits
from rarefy.index.index import Index
from rarefy.index.parts import best_parts
from rarefy.index.reading import Documents, read_documents
from rarefy.index.writer import Writer

__all__ = [
    "Documents",
    "Expression",
    "Hits",
    "Index",
    "Writer",
    "best_parts",
    "field",
    "read_documents",
]

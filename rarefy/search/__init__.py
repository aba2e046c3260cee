"""Text in, documents out: an index and its model as one object for an application."""

from rarefy.search.hit import Hit
from rarefy.search.options import Options
from rarefy.search.search import Search

__all__ = ["Hit", "Options", "Search"]

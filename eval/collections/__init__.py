"""Test collections: documents, queries and judgements, from wherever they come."""

from rarefy.eval.collections.beir import read_beir
from rarefy.eval.collections.collection import Collection
from rarefy.eval.collections.irds import read_irds
from rarefy.eval.collections.load import load_collection
from rarefy.eval.collections.pydocs import read_pydocs

__all__ = ["Collection", "load_collection", "read_beir", "read_irds", "read_pydocs"]

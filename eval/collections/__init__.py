"""Test collections: documents, queries and judgements, from wherever they come."""

from rarefy.eval.collections.beir import read_beir
from rarefy.eval.collections.collection import Collection
from rarefy.eval.collections.emoji import read_emoji
from rarefy.eval.collections.irds import read_irds
from rarefy.eval.collections.load import load_collection
from rarefy.eval.collections.perturbed import perturbed
from rarefy.eval.collections.pydocs import read_pydocs
from rarefy.eval.collections.texts import Texts
from rarefy.eval.collections.trec import read_trec

__all__ = [
    "Collection",
    "Texts",
    "load_collection",
    "perturbed",
    "read_beir",
    "read_emoji",
    "read_irds",
    "read_pydocs",
    "read_trec",
]

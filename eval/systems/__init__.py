"""Systems that rank a collection's documents: sparse, dense and lexical ones, and fusions."""

from rarefy.eval.systems.dense import DenseSystem, DenseVectors
from rarefy.eval.systems.encoding import Encoded, encode_collection
from rarefy.eval.systems.fusion import FusionSystem, reciprocal_rank_fusion
from rarefy.eval.systems.given import GivenSystem
from rarefy.eval.systems.hamming import HammingSystem
from rarefy.eval.systems.lucene import LuceneSystem
from rarefy.eval.systems.rankings import Rankings, ranked
from rarefy.eval.systems.registry import Systems
from rarefy.eval.systems.sparse import SparseSystem
from rarefy.eval.systems.specification import parse_system, swept
from rarefy.eval.systems.system import Costs, Kind, Ranked, SparseVectors, System
from rarefy.eval.systems.vectors import vectors_system

__all__ = [
    "Costs",
    "DenseSystem",
    "DenseVectors",
    "Encoded",
    "FusionSystem",
    "GivenSystem",
    "HammingSystem",
    "Kind",
    "LuceneSystem",
    "Ranked",
    "Rankings",
    "SparseSystem",
    "SparseVectors",
    "System",
    "Systems",
    "encode_collection",
    "parse_system",
    "ranked",
    "reciprocal_rank_fusion",
    "swept",
    "vectors_system",
]

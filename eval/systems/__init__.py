"""Systems that rank a collection's documents: sparse, dense and lexical ones, and fusions."""

from rarefy.eval.systems.dense import DenseSystem
from rarefy.eval.systems.fusion import FusionSystem, reciprocal_rank_fusion
from rarefy.eval.systems.registry import Systems
from rarefy.eval.systems.sparse import SparseSystem
from rarefy.eval.systems.system import Costs, Kind, Ranked, SparseVectors, System
from rarefy.eval.systems.vectors import vectors_system

__all__ = [
    "Costs",
    "DenseSystem",
    "FusionSystem",
    "Kind",
    "Ranked",
    "SparseSystem",
    "SparseVectors",
    "System",
    "Systems",
    "reciprocal_rank_fusion",
    "vectors_system",
]

"""Files that other tools read and write: TREC runs and qrels, sparse vectors."""

from rarefy.eval.interchange.forms import read_vectors, write_vectors
from rarefy.eval.interchange.mteb import MtebModel
from rarefy.eval.interchange.trec import read_qrels, read_run, write_qrels, write_run
from rarefy.eval.interchange.vectors import Vectors, align

__all__ = [
    "MtebModel",
    "Vectors",
    "align",
    "read_qrels",
    "read_run",
    "read_vectors",
    "write_qrels",
    "write_run",
    "write_vectors",
]

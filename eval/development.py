"""How good a head is on a development collection, while it is trained."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from rarefy.errors import InputError
from rarefy.eval.collections.collection import Collection
from rarefy.eval.measures import evaluate
from rarefy.eval.run import run_from_rows

if TYPE_CHECKING:
    from rarefy.sparse.encoders.dense import DenseEncoder
    from rarefy.sparse.model import Role

__all__ = ["development_measure"]


class _Projecting(Protocol):
    def project(self, vectors: npt.NDArray[np.float32], role: Role) -> csr_array: ...


def development_measure(
    collection: Collection, encoder: DenseEncoder, *, measure: str = "nDCG@10", k: int = 100
) -> Callable[[Any], float]:
    """Encode a collection once, for heads that are measured on it many times.

    Parameters
    ----------
    collection
        Documents and judged queries that no test uses; queries without judgements are left out.
    encoder
        Whose vectors the heads take.
    measure
        One name of ir_measures.
    k
        How deep a ranking is measured.

    Returns
    -------
    callable
        Takes a head, something with ``project(vectors, role)``, and returns the mean of the
        measure over the queries, each searched exactly.

    Raises
    ------
    InputError
        If no query is judged.
    """
    judged = collection.judged()
    if not judged.queries:
        raise InputError(
            f"{collection.name} has no judged query in its split {collection.split!r}; expected "
            "one that has"
        )
    documents = encoder.encode(judged.documents, role="document")
    queries = encoder.encode(judged.queries, role="query")

    def measured(head: _Projecting) -> float:
        from rarefy.index import Index

        index = Index.build(head.project(documents, "document"))
        hits = index.search(head.project(queries, "query"), k=k)
        run = run_from_rows(hits.rows, hits.scores, judged.query_ids, judged.document_ids)
        (value,) = evaluate(run, judged.qrels, measure).mean.values()
        return value

    return measured

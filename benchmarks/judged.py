"""A collection's judged queries, for heads over dense vectors that are measured many times."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from relatives import LEVELS, Relatives
from scipy import stats

from rarefy.eval import evaluate, load_collection
from rarefy.eval.diagnostics import own_terms
from rarefy.eval.run import run_from_rows
from rarefy.index import Index
from rarefy.sparse import DenseEncoder
from rarefy.sparse.training import terms_of

__all__ = ["Judged", "randomisation"]

READ = 300  # documents whose heaviest terms are looked at


class Judged:
    """The dense vectors of a collection's documents and of the judged queries of a split.

    Parameters
    ----------
    folder
        Of the collection.
    split
        Of its judgements.
    encoder
        Whose vectors the heads take.
    relatives
        Which terms count as a document's own.

    Attributes
    ----------
    name : str
    dense : float
        nDCG@10 of exhaustive search over the dense vectors.
    """

    def __init__(
        self, folder: Path, split: str, encoder: DenseEncoder, relatives: Relatives
    ) -> None:
        self.name = folder.name
        self._judged = load_collection(str(folder), split=split).judged()
        texts = list(self._judged.documents)
        self._queries = encoder.encode(self._judged.queries, role="query")
        self._documents = encoder.encode(texts, role="document")
        self._read = np.random.default_rng(0).choice(len(texts), READ, replace=False)
        read = [texts[row] for row in self._read]
        pieces = terms_of(encoder.pipeline.tokenizer, read, len(encoder.vocabulary))
        self._own = {level: relatives.of(pieces, level) for level in LEVELS}
        scores = self._queries @ self._documents.T
        best = np.argsort(-scores, axis=1, kind="stable")[:, :10]
        self.dense = float(np.mean(self._each(best, np.take_along_axis(scores, best, 1))))

    def measure(self, head: Any, *, words: bool = True) -> dict[str, Any]:
        """Return what a head makes of the collection.

        Parameters
        ----------
        head
            Something with ``project(vectors, role)``.
        words
            Whether its columns are the encoder's vocabulary.

        Returns
        -------
        dict
            ``ndcg`` (nDCG@10), ``share`` of the dense one, ``flops`` (terms that a query and a
            document share), ``each`` (shares of the queries), and, of words, for each of `LEVELS`
            the part of the 20 heaviest terms that are own.
        """
        queries = head.project(self._queries, "query")
        documents = head.project(self._documents, "document")
        hits = Index.build(documents).search(queries, k=10)
        each = self._each(hits.rows, hits.scores)
        parts = [(matrix > 0).mean(0) for matrix in (queries, documents)]
        result = {
            "ndcg": float(np.mean(each)),
            "share": float(np.mean(each)) / self.dense,
            "flops": float(parts[0] @ parts[1]),
            "each": [value / self.dense for value in each],
        }
        if words:
            read = documents[self._read]
            result |= {level: own_terms(read, own).precision for level, own in self._own.items()}
        return result

    def chance(self, level: str, columns: Any) -> float:
        """Return which part of some columns count as a document's own; the mean over documents."""
        return float(self._own[level][:, np.asarray(columns)].mean())

    def _each(self, rows: Any, scores: Any) -> list[float]:
        run = run_from_rows(rows, scores, self._judged.query_ids, self._judged.document_ids)
        return list(evaluate(run, self._judged.qrels, "nDCG@10").per_query["nDCG@10"].values())


def randomisation(one: list[float], other: list[float]) -> float:
    """Return p of a paired randomisation test (Smucker, Allan and Carterette, CIKM 2007)."""
    differences = np.array(one) - np.array(other)
    test = stats.permutation_test(
        (differences,),
        np.mean,
        permutation_type="samples",
        n_resamples=9999,
        rng=np.random.default_rng(0),
        batch=1000,
    )
    return float(test.pvalue)

"""A transformer for PyTerrier, from queries to results; it needs no Java."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import pandas as pd
import pyterrier as pt

from rarefy.errors import InputError
from rarefy.search import Search

__all__ = ["PyTerrierRetriever"]

RESERVED = ("qid", "query", "docno", "score", "rank")


class PyTerrierRetriever(pt.Transformer):
    """Retrieves the documents of a `rarefy.Search` for each query of a frame.

    It takes frames with the columns ``qid`` and ``query``, and returns each row once for each
    document that is found, with ``docno``, ``score``, ``rank`` (from 0) and `fields` beside what
    the row had. A cut-off behind it (``retriever % 10``) becomes its `k`.

    Parameters
    ----------
    search
        What is searched.
    k
        How many documents a query.
    filter
        A condition on the metadata, such as ``"year >= 2020"``.
    recall
        None for exact search; see `Index.search`.
    fields
        Which fields of the documents become columns, ``text`` among them.
    threads
        How many threads share the queries.
    mode
        What documents are compared by, of `Search.modes`; by default the first.
    weights
        How much each part counts in the mode ``"hybrid"``; by default 1 for each.

    Raises
    ------
    InputError
        If a field has the name of a column that PyTerrier gives a meaning.
    """

    def __init__(
        self,
        search: Search,
        k: int = 1000,
        filter: str | None = None,
        recall: float | None = None,
        fields: Sequence[str] = (),
        threads: int = 1,
        mode: str | None = None,
        weights: Mapping[str, float] | None = None,
    ) -> None:
        for name in fields:
            if name in RESERVED:
                raise InputError(
                    f"the field {name!r} has the name of a column of results; expected others than "
                    f"{', '.join(RESERVED)}: leave it out"
                )
        self._search = search
        self.k = k
        self.filter = filter
        self.recall = recall
        self.fields = list(fields)
        self.threads = threads
        self.mode = mode
        self.weights = weights

    def transform(self, inp: pd.DataFrame) -> pd.DataFrame:
        """Return the results of queries.

        Parameters
        ----------
        inp
            A frame with ``qid`` and ``query``.

        Raises
        ------
        pyterrier.validate.InputValidationError
            If it has other columns.
        """
        pt.validate.query_frame(inp, extra_columns=["query"], context=self)
        found = self._search.search_many(
            inp["query"].tolist(),
            self.k,
            filter=self.filter,
            recall=self.recall,
            fields=self.fields,
            threads=self.threads,
            mode=self.mode,
            weights=self.weights,
        )
        hits = [hit for each in found for hit in each]
        rows = [row for row, each in enumerate(found) for _ in each]
        results = inp.iloc[rows].reset_index(drop=True)
        results["docno"] = pd.Series([hit.id for hit in hits], dtype=object)
        results["score"] = pd.Series([hit.score for hit in hits], dtype="float64")
        ranks = [rank for each in found for rank in range(len(each))]
        results["rank"] = pd.Series(ranks, dtype="int64")
        for name in self.fields:
            values = [hit.metadata.get(name, hit.text) for hit in hits]
            results[name] = pd.Series(values, dtype=object)
        return results

    def fuse_rank_cutoff(self, k: int) -> PyTerrierRetriever:
        """Return the retriever that stands for this one and a cut-off behind it.

        Parameters
        ----------
        k
            How many documents a query the cut-off keeps.
        """
        cut = copy.copy(self)
        cut.k = min(k, self.k)
        return cut

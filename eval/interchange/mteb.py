"""Models of this package in MTEB, as what they are: sparse.

Muennighoff et al. 2023, "MTEB: Massive Text Embedding Benchmark". A model that MTEB takes for a
dense encoder is scored by cosine similarity over dense arrays, and nothing says so. `MtebModel`
gives MTEB no vectors at all: it answers MTEB's searches from the inverted index.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rarefy.errors import InputError, require
from rarefy.eval.run import Run, run_from_rows

if TYPE_CHECKING:
    from rarefy.index import Index
    from rarefy.sparse.model import TermModel

__all__ = ["MtebModel"]


class MtebModel:
    """A model with an index, in the form of mteb's ``SearchProtocol``.

    ``mteb.evaluate(MtebModel(rarefy.load("splade-tiny")), mteb.get_tasks(["SciFact"]))`` runs
    retrieval and reranking tasks; mteb refuses others, which need dense vectors.

    Parameters
    ----------
    model
        What `rarefy.load` gives.
    fit
        Whether the model is fitted to each corpus, as ``bm25`` and ``minilm-d2s`` want it.

    Raises
    ------
    InputError
        If the model is to be fitted but cannot be.
    """

    def __init__(self, model: TermModel, *, fit: bool = False) -> None:
        if fit and not hasattr(model, "fit"):
            raise InputError(f"{model.name} cannot be fitted to a corpus: expected fit=False")
        self.model = model
        self._fit = fit
        self._index: Index | None = None

    @property
    def mteb_model_meta(self) -> Any:
        """What mteb writes of the model: an ``mteb.ModelMeta`` of the type ``"sparse"``."""
        import rarefy

        meta = require("mteb.models.model_meta", "mteb").ModelMeta
        made = {
            "name": f"rarefy/{self.model.name}",
            "revision": rarefy.__version__ if self._fit else self.model.fingerprint,
            "model_type": ["sparse"],
            "similarity_fn_name": "dot",
        }
        return meta.create_empty(made)

    def index(self, corpus: Iterable[Mapping[str, Any]], **details: Any) -> None:
        """Encode and index a corpus.

        Parameters
        ----------
        corpus
            Documents with ``id``, ``text`` and maybe ``title``.
        **details
            What mteb says of the task besides; not needed.
        """
        from rarefy.index import Index

        ids, texts = [], []
        for document in corpus:
            ids.append(document["id"])
            texts.append(f"{document.get('title') or ''} {document['text']}".strip())
        if self._fit:
            self.model.fit(texts)
        self._index = Index.build(self.model.encode_documents(texts), ids=ids)

    def search(
        self,
        queries: Iterable[Mapping[str, Any]],
        *,
        top_k: int,
        top_ranked: Mapping[str, Sequence[str]] | None = None,
        **details: Any,
    ) -> Run:
        """Search the corpus that was indexed last.

        Parameters
        ----------
        queries
            Queries with ``id`` and ``text``.
        top_k
            The most documents for each.
        top_ranked
            Query id -> the documents to choose from, for reranking; all by default.
        **details
            What mteb says of the task besides; not needed.

        Returns
        -------
        dict
            Query id -> document id -> score, scores strictly decreasing in the index's order.

        Raises
        ------
        InputError
            If nothing was indexed.
        """
        if self._index is None:
            raise InputError("nothing was indexed: call index(corpus) first")
        asked = list(queries)
        query_ids = [query["id"] for query in asked]
        rows = self.model.encode_queries([query["text"] for query in asked])
        document_ids = self._index.ids
        if top_ranked is None:
            hits = self._index.search(rows, k=top_k)
            return run_from_rows(hits.rows, hits.scores, query_ids, document_ids)
        run: Run = {}
        for row, query_id in enumerate(query_ids):
            chosen = list(top_ranked[query_id])
            hits = self._index.search(rows[[row]], k=top_k, filter=chosen)
            run |= run_from_rows(hits.rows, hits.scores, [query_id], document_ids)
        return run

"""A test collection: documents, queries, and the judgements that relate them."""

from __future__ import annotations

import hashlib
from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import get_args

import numpy as np

from rarefy.errors import InputError
from rarefy.eval.collections.texts import repeated
from rarefy.eval.run import Qrels
from rarefy.sparse.model import Role

__all__ = ["Collection"]


@dataclass(frozen=True)
class Collection:
    """Documents, queries and relevance judgements, checked once.

    Parameters
    ----------
    name
        What tables call it.
    split
        Which of its sets of judgements this is, such as ``"test"``.
    document_ids, documents
        One id and one text for each document; ids are unique. Lists, or
        `rarefy.eval.collections.texts.Texts`, which hold no Python objects.
    query_ids, queries
        One id and one text for each query; ids are unique.
    qrels
        Query id -> document id -> grade. A query may be without judgements.
    language
        ISO 639-1 code of the documents' language, which lexical systems split them by.
    leave_out_own
        Whether a query's own document, the one with its id, is no result: ArguAna's queries are
        its documents.
    pictured
        Which sides, of ``"document"`` and ``"query"``, are names of pictures
        (`rarefy.sparse.encoders.pictures`), not texts.

    Raises
    ------
    InputError
        If there is no document, an id occurs twice, ids and texts differ in number, or a
        judgement names a document or a query that is not here.
    """

    name: str
    split: str
    document_ids: Sequence[str]
    documents: Sequence[str]
    query_ids: Sequence[str]
    queries: Sequence[str]
    qrels: Qrels
    language: str = "en"
    leave_out_own: bool = False
    pictured: frozenset[Role] = frozenset()

    def __post_init__(self) -> None:
        _check_ids(self.name, "document", self.document_ids, self.documents)
        _check_ids(self.name, "query", self.query_ids, self.queries)
        if not self.documents:
            raise InputError(f"{self.name}: no documents; a collection needs at least one")
        queries = set(self.query_ids)
        judged = {document_id for grades in self.qrels.values() for document_id in grades}
        documents = {document_id for document_id in self.document_ids if document_id in judged}
        for query_id, grades in self.qrels.items():
            if query_id not in queries:
                raise InputError(
                    f"{self.name}: the judgements name query {query_id!r}, which is not in the "
                    "collection; add the query or remove its judgements"
                )
            if unknown := grades.keys() - documents:
                raise InputError(
                    f"{self.name}: the judgements of query {query_id!r} name document "
                    f"{min(unknown)!r}, which is not in the collection; add the document or "
                    "remove the judgement"
                )

    @property
    def queries_without_judgements(self) -> int:
        """How many queries no measure can count."""
        return len(self.query_ids) - len(self.qrels)

    @cached_property
    def fingerprint(self) -> str:
        """Hexadecimal digest of ids, texts and judgements.

        The order of the judgements and how files were written do not count.
        """
        digest = hashlib.sha256()
        for texts in (self.document_ids, self.documents, self.query_ids, self.queries):
            digest.update(f"{len(texts)}\n".encode())
            for text in texts:
                data = text.encode("utf-8", "surrogatepass")
                digest.update(f"{len(data)}:".encode() + data)
        for query_id, grades in sorted(self.qrels.items()):
            digest.update(repr((query_id, sorted(grades.items()))).encode())
        return digest.hexdigest()

    def judged(self) -> Collection:
        """Return the collection without the queries that have no judgements."""
        return self.without_queries(set(self.query_ids) - self.qrels.keys())

    def without_queries(self, query_ids: Container[str]) -> Collection:
        """Return the collection without some queries and their judgements.

        Parameters
        ----------
        query_ids
            Which ones to leave out; others that are named are no matter.
        """
        kept = [row for row, key in enumerate(self.query_ids) if key not in query_ids]
        return replace(
            self,
            query_ids=[self.query_ids[row] for row in kept],
            queries=[self.queries[row] for row in kept],
            qrels={key: grades for key, grades in self.qrels.items() if key not in query_ids},
        )

    def check_read_by(self, model: str, pictured: Container[Role]) -> None:
        """Raise InputError unless a model takes for pictures what are pictures here.

        Parameters
        ----------
        model
            Its name.
        pictured
            The roles whose items it takes for names of pictures: `TermModel.pictured`.
        """
        for role in get_args(Role):
            if (role in self.pictured) != (role in pictured):
                has, takes = (
                    ("pictures", "texts") if role in self.pictured else ("texts", "pictures")
                )
                raise InputError(
                    f"{self.name} has {has} as {role} items, and {model} takes {takes}: name a "
                    "model whose towers take what the collection has"
                )

    def without_judgements(self) -> Collection:
        """Return the documents and queries alone: what a system may see."""
        return replace(self, qrels={})

    def sample(self, limit: int, *, seed: int = 0) -> Collection:
        """Return a smaller collection of at most `limit` documents.

        Queries are taken in a random order, each with all of its relevant documents, as long as
        those fill at most half of `limit`; documents drawn at random from the rest fill it up.
        Judgements of documents that were left out go with them. A smaller collection is an
        easier one: its measures cannot be compared with those of the whole.

        Parameters
        ----------
        limit
            The most documents to keep, at least 1. The whole collection is returned if it has
            no more.
        seed
            Of the random order.

        Raises
        ------
        InputError
            If `limit` is below 1, or too small for the relevant documents of any query.
        """
        if limit < 1:
            raise InputError(f"limit is {limit}; expected at least 1 document")
        if limit >= len(self.documents):
            return self
        random = np.random.default_rng(seed)
        relevant = {
            query_id: {document for document, grade in grades.items() if grade > 0}
            for query_id, grades in self.qrels.items()
        }
        queries: set[str] = set()
        documents: set[str] = set()
        judged = list(relevant)
        for position in random.permutation(len(judged)):
            wanted = relevant[judged[position]]
            if wanted and len(documents) + len(wanted - documents) <= max(1, limit // 2):
                queries.add(judged[position])
                documents |= wanted
        if self.qrels and not queries:
            fewest = min((len(found) for found in relevant.values() if found), default=0)
            raise InputError(
                f"limit is {limit}, but no query of {self.name} has so few relevant documents "
                f"that they fill half of it; expected at least {2 * fewest}"
            )
        rest = [row for row, key in enumerate(self.document_ids) if key not in documents]
        drawn = random.choice(len(rest), size=limit - len(documents), replace=False)
        documents.update(self.document_ids[rest[place]] for place in drawn)
        sampled = self._restricted(documents, queries)
        return replace(sampled, name=f"{self.name} ({limit} of {len(self.documents)} documents)")

    def _restricted(self, documents: set[str], queries: set[str]) -> Collection:
        kept_documents = [row for row, key in enumerate(self.document_ids) if key in documents]
        kept_queries = [row for row, key in enumerate(self.query_ids) if key in queries]
        return replace(
            self,
            document_ids=[self.document_ids[row] for row in kept_documents],
            documents=[self.documents[row] for row in kept_documents],
            query_ids=[self.query_ids[row] for row in kept_queries],
            queries=[self.queries[row] for row in kept_queries],
            qrels={
                query_id: {key: grade for key, grade in grades.items() if key in documents}
                for query_id, grades in self.qrels.items()
                if query_id in queries
            },
        )


def _check_ids(name: str, what: str, ids: Sequence[str], texts: Sequence[str]) -> None:
    if len(ids) != len(texts):
        raise InputError(
            f"{name}: {len(ids)} {what} ids for {len(texts)} texts; expected one id a text"
        )
    if twice := repeated(ids):
        raise InputError(f"{name}: {what} id {ids[twice[1]]!r} occurs twice; ids must be unique")

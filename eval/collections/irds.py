"""Collections of ir_datasets (MacAvaney et al. 2021), which downloads what it knows by an id."""

from __future__ import annotations

from typing import Any

from rarefy.errors import InputError, require
from rarefy.eval.collections.collection import Collection
from rarefy.eval.collections.texts import TextsWriter
from rarefy.eval.run import Qrels

__all__ = ["read_irds"]


def read_irds(dataset_id: str, *, split: str | None = None) -> Collection:
    """Read a collection through ir_datasets.

    Parameters
    ----------
    dataset_id
        Such as ``"beir/scifact/test"``; see ir-datasets.com for what there is.
    split
        Appended to the id after a slash, where it is given.

    Raises
    ------
    InputError
        If ir_datasets does not know the id or cannot download it, or the data set lacks documents,
        queries or qrels.
    MissingExtraError
        If ir_datasets is not installed.
    """
    name = f"{dataset_id}/{split}" if split else dataset_id
    ir_datasets = require("ir_datasets", "irds")
    try:
        dataset = ir_datasets.load(name)
    except KeyError as error:
        raise InputError(
            f"ir_datasets knows no data set {name!r}; ir-datasets.com lists the ids"
        ) from error
    try:
        return from_dataset(name, dataset)
    except (OSError, RuntimeError) as error:
        raise InputError(
            f"ir_datasets cannot fetch {name!r} ({error}); connect to the network, or put its "
            "files where ir-datasets.com says"
        ) from error


def from_dataset(name: str, dataset: Any) -> Collection:
    """Turn an ir_datasets data set into a collection.

    The text of a document or a query is its ``default_text()``. Judgements of documents that
    the data set does not hold are left out, as ir_datasets keeps some by design.
    """
    missing = [
        part for part in ("docs", "queries", "qrels") if not getattr(dataset, f"has_{part}")()
    ]
    if missing:
        raise InputError(
            f"the ir_datasets data set {name!r} has no {' and no '.join(missing)}; "
            "choose one of its subsets that ir-datasets.com shows with docs, queries and qrels"
        )
    ids, texts = TextsWriter(), TextsWriter()
    for doc in dataset.docs_iter():
        ids.append(doc.doc_id)
        texts.append(doc.default_text().strip())
    document_ids = ids.finished()
    queries = {query.query_id: query.default_text().strip() for query in dataset.queries_iter()}
    judgements = list(dataset.qrels_iter())
    named = {judgement.doc_id for judgement in judgements}
    documents = {document_id for document_id in document_ids if document_id in named}
    qrels: Qrels = {}
    for judgement in judgements:
        if judgement.query_id in queries and judgement.doc_id in documents:
            qrels.setdefault(judgement.query_id, {})[judgement.doc_id] = judgement.relevance
    return Collection(
        name=name,
        split=name.rpartition("/")[2],
        document_ids=document_ids,
        documents=texts.finished(),
        query_ids=list(queries),
        queries=list(queries.values()),
        qrels=qrels,
    )

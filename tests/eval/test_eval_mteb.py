"""A model of this package in MTEB: searched by its index, never as a dense encoder."""

import numpy as np
import pytest

import rarefy
from rarefy.errors import InputError
from rarefy.eval import MtebModel, evaluate, load_collection
from rarefy.eval.run import run_from_rows
from rarefy.index import Index


@pytest.fixture(scope="module")
def collection():
    return load_collection("pydocs", limit=60).judged()


@pytest.fixture(scope="module")
def task(collection):
    """The collection as a task of mteb, which needs no download."""
    pytest.importorskip("mteb", reason="pip install 'rarefy[mteb]'")
    from datasets import Dataset
    from mteb.abstasks.retrieval import AbsTaskRetrieval
    from mteb.abstasks.task_metadata import TaskMetadata

    class Docstrings(AbsTaskRetrieval):
        metadata = TaskMetadata(
            name="Docstrings",
            dataset={"path": "none/none", "revision": "none"},
            description="Docstrings",
            reference=None,
            type="Retrieval",
            category="t2t",
            modalities=["text"],
            eval_splits=["test"],
            eval_langs=["eng-Latn"],
            main_score="ndcg_at_10",
        )

        def load_data(self, **kwargs):
            rows = zip(collection.document_ids, collection.documents, strict=True)
            corpus = [{"id": key, "title": "", "text": text} for key, text in rows]
            rows = zip(collection.query_ids, collection.queries, strict=True)
            queries = [{"id": key, "text": text} for key, text in rows]
            self.dataset = {
                "default": {
                    "test": {
                        "corpus": Dataset.from_list(corpus),
                        "queries": Dataset.from_list(queries),
                        "relevant_docs": collection.qrels,
                        "top_ranked": None,
                    }
                }
            }
            self.data_loaded = True

    return Docstrings()


def in_mteb(model, task):
    import mteb

    found = mteb.evaluate(model, task, cache=None, show_progress_bar=False)
    return found, found.task_results[0].scores["test"][0]


@pytest.mark.models
@pytest.mark.parametrize(("name", "fit"), [("splade-tiny", False), ("bm25", True)])
def test_mteb_measures_what_we_measure(task, collection, name, fit):
    found, scores = in_mteb(MtebModel(rarefy.load(name), fit=fit), task)
    model = rarefy.load(name)
    if fit:
        model.fit(collection.documents)
    index = Index.build(model.encode_documents(collection.documents), ids=collection.document_ids)
    hits = index.search(model.encode_queries(collection.queries), k=1000)
    run = run_from_rows(hits.rows, hits.scores, collection.query_ids, collection.document_ids)
    ours = evaluate(run, collection.qrels, "nDCG@10 R@100").mean
    assert scores["ndcg_at_10"] == pytest.approx(ours["nDCG@10"], abs=1e-5)
    assert scores["recall_at_100"] == pytest.approx(ours["R@100"], abs=1e-5)
    assert found.model_name == f"rarefy/{name}"


@pytest.mark.models
def test_it_is_sparse_in_mteb_and_not_dense(task, collection):
    """The score of the dot products, which mteb's own sparse wrapper has too; not of cosines."""
    from mteb.models import SparseEncoderWrapper
    from mteb.models.models_protocols import EncoderProtocol, SearchProtocol

    model = rarefy.load("splade-tiny")
    adapter = MtebModel(model)
    assert adapter.mteb_model_meta.model_type == ["sparse"]
    assert isinstance(adapter, SearchProtocol)
    assert not isinstance(adapter, EncoderProtocol)  # or mteb might ask it for dense vectors
    score = in_mteb(adapter, task)[1]["ndcg_at_10"]
    wrapped = SparseEncoderWrapper(model.encoder.pipeline)
    assert score == pytest.approx(in_mteb(wrapped, task)[1]["ndcg_at_10"], abs=1e-4)
    documents = model.encode_documents(collection.documents)
    queries = model.encode_queries(collection.queries)
    norms = np.sqrt(documents.multiply(documents).sum(axis=1))
    hits = Index.build(documents / norms[:, None], ids=collection.document_ids).search(queries, 10)
    cosines = {
        query: {key: -float(rank) for rank, key in enumerate(ids) if key}
        for query, ids in zip(collection.query_ids, hits.ids, strict=True)
    }
    assert evaluate(cosines, collection.qrels, "nDCG@10").mean["nDCG@10"] != pytest.approx(
        score, abs=1e-3
    )


def test_search_chooses_from_what_is_to_be_ranked_again(collection):
    model = MtebModel(rarefy.load("bm25"), fit=True)
    with pytest.raises(InputError, match="nothing was indexed"):
        model.search([], top_k=10)
    rows = zip(collection.document_ids, collection.documents, strict=True)
    model.index([{"id": key, "title": None, "text": text} for key, text in rows], hf_split="test")
    queries = [
        {"id": key, "text": text}
        for key, text in zip(collection.query_ids, collection.queries, strict=True)
    ]
    whole = model.search(queries, top_k=len(collection.documents), hf_split="test")
    chosen = {query: sorted(found)[::2] for query, found in whole.items()}
    again = model.search(queries, top_k=1000, top_ranked=chosen)
    for query, found in again.items():
        assert list(found) == [key for key in whole[query] if key in set(chosen[query])]


def test_what_cannot_be_fitted():
    class Fixed:
        name = "fixed"

    with pytest.raises(InputError, match="fixed cannot be fitted"):
        MtebModel(Fixed(), fit=True)

"""minilm-d2s beside BM25, its dense encoder and the fusion of the two, on four collections.

    python benchmarks/shipped.py data
    python benchmarks/tables.py docs/minilm-d2s.md

`data` holds SciFact, NFCorpus, Cranfield and CACM in BEIR form. All systems score every document;
the fusion adds z-scores over each system's best 1,000. The splits that constants were chosen on are
measured too, and other rotations than the shipped one.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse, stats

from rarefy.eval import Collection, evaluate, load_collection
from rarefy.eval.efficiency import flops
from rarefy.eval.run import run_from_rows
from rarefy.sparse import BM25, DenseEncoder, SparseModel, load
from rarefy.sparse.heads.signed_rotation import SignedRotation
from rarefy.sparse.rows import heaviest

RESULT = Path(__file__).parent / "results" / "shipped.json"
TESTS = (("scifact", "test"), ("nfcorpus", "test"), ("cranfield", "test"), ("cacm", "test"))
TUNING = (("scifact", "train"), ("nfcorpus", "dev"))
DEPTH = 1000
READ, HEAVIEST = 400, 20  # documents whose heaviest entries are looked at, and how many
SHOWN = {"document": 3, "query": 2}  # examples of each test collection


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--seeds", type=int, default=4, help="rotations, the shipped one first")
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    result: dict[str, Any] = {"tests": [], "tuning": [], "examples": []}
    for kind, splits in (("tuning", TUNING), ("tests", TESTS)):
        for name, split in splits:
            collection = load_collection(str(options.data / name), split=split).judged()
            row = Measured(collection).row(options.seeds, kind == "tests", result["examples"])
            print(json.dumps({k: v for k, v in row.items() if k != "each"}))
            result[kind].append({"name": name, "split": split, **row})
    result["all"] = _over_all(result["tests"])
    for row in (*result["tests"], *result["tuning"]):
        del row["each"]
    options.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


class Measured:
    """A collection with what every system scores its documents by."""

    def __init__(self, collection: Collection) -> None:
        self.collection = collection
        dense = DenseEncoder()
        pieces = BM25(dense.pipeline.tokenizer).fit(collection.documents)
        words = pieces.encode_queries(collection.queries)
        self.lexical = (words @ pieces.encode_documents(collection.documents).T).toarray()
        documents = dense.encode(collection.documents, role="document")
        self.dense = dense.encode(collection.queries, role="query") @ documents.T

    def row(self, seeds: int, test: bool, examples: list[Any]) -> dict[str, Any]:
        """Return what is written of the collection."""
        model = _loaded()
        each = {
            "bm25": self.each(self.lexical),
            "dense": self.each(self.dense),
            "fusion": self.each(_z_scores(self.lexical) + _z_scores(self.dense)),
        }
        costs = {}
        for name in ("general", "fitted"):
            if name == "fitted":
                model.fit(self.collection.documents)
            queries, documents = self.encoded(model)
            each[name] = self.each((queries @ documents.T).toarray())
            costs[name] = {
                "flops": flops(queries, documents),
                "query_nnz": [float(np.diff(queries.indptr).mean()), _most(queries)],
                "document_nnz": [float(np.diff(documents.indptr).mean()), _most(documents)],
            }
        row: dict[str, Any] = {
            "queries": len(self.collection.queries),
            "documents": len(self.collection.documents),
            "ndcg": {name: float(values.mean()) for name, values in each.items()},
            "p": {name: _paired(each["fitted"], each[name]) for name in each if name != "fitted"},
            "costs": costs,
            "each": each,
        }
        if test:
            row["readable"] = self.readable(model, documents)
            examples += self.examples(model, queries, documents)
        others = [self.rotated(model, seed) for seed in range(1, seeds)]
        row["seeds"] = [row["ndcg"]["fitted"], *others]
        return row

    def rotated(self, model: SparseModel, seed: int) -> float:
        """Return nDCG@10 with another rotation in the fitted model."""
        head = model.encoder.module.head
        head.rows.data = SignedRotation(head.in_features, head.rotations, seed=seed).rows.data
        queries, documents = self.encoded(model)
        return float(self.each((queries @ documents.T).toarray()).mean())

    def encoded(self, model: SparseModel) -> tuple[sparse.csr_array, sparse.csr_array]:
        """Return the vectors of queries and of documents."""
        collection = self.collection
        return model.encode_queries(collection.queries), model.encode_documents(
            collection.documents
        )

    def each(self, scores: np.ndarray) -> np.ndarray:
        """Return nDCG@10 of each query, from scores of all documents."""
        rows = np.argsort(-scores, axis=1, kind="stable")[:, :DEPTH]
        values = np.take_along_axis(scores, rows, 1)
        collection = self.collection
        run = run_from_rows(rows, values, collection.query_ids, collection.document_ids)
        found = evaluate(run, collection.qrels, "nDCG@10").per_query["nDCG@10"]
        return np.array([found[query] for query in collection.query_ids])

    def readable(self, model: SparseModel, documents: sparse.csr_array) -> dict[str, float]:
        """Return the share of words among the heaviest entries, and of what says nothing in all."""
        terms, words = model.vocabulary.terms, model.encoder.module.words.vocabulary_size
        filled = np.flatnonzero(np.diff(documents.indptr))
        read = np.random.default_rng(0).permutation(filled)[:READ]
        silent = np.array([not any(map(str.isalnum, term)) for term in terms])
        silent[list(model.vocabulary.special)] = True
        kept = documents[read]
        top = heaviest(kept, HEAVIEST, kept.data)
        total = kept.data.sum()
        return {
            "own": float((top.indices < words).mean()),
            "words": float(kept.data[kept.indices < words].sum() / total),
            "silent": float(kept.data[silent[kept.indices]].sum() / total),
        }

    def examples(
        self, model: SparseModel, queries: sparse.csr_array, documents: sparse.csr_array
    ) -> list[Any]:
        """Return texts and their heaviest entries."""
        shown, random = [], np.random.default_rng(0)
        for kind, texts, rows in (
            ("document", self.collection.documents, documents),
            ("query", self.collection.queries, queries),
        ):
            filled = [at for at in random.permutation(len(texts)) if texts[at].strip()]
            for at in filled[: SHOWN[kind]]:
                entries = model.explain(rows[[at]], k=8)
                shown.append([self.collection.name, kind, texts[at][:110], entries])
        return shown


def _loaded() -> SparseModel:
    model = load("minilm-d2s")
    assert isinstance(model, SparseModel)
    return model


def _most(rows: sparse.csr_array) -> int:
    return int(np.diff(rows.indptr).max())


def _z_scores(scores: np.ndarray) -> np.ndarray:
    best = -np.partition(-scores, DEPTH, axis=1)[:, :DEPTH]
    spread = best.std(axis=1, keepdims=True)
    return (scores - best.mean(axis=1, keepdims=True)) / np.maximum(spread, 1e-9)


def _paired(one: np.ndarray, other: np.ndarray) -> float:
    """Return p of a paired randomisation test (Smucker, Allan and Carterette, CIKM 2007)."""
    test = stats.permutation_test(
        (one - other,), np.mean, permutation_type="samples", n_resamples=9999, rng=0, batch=1000
    )
    return float(test.pvalue)


def _over_all(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return means of the collections, and p over the queries of all."""
    names = rows[0]["ndcg"]
    each = {name: np.concatenate([row["each"][name] for row in rows]) for name in names}
    return {
        "ndcg": {name: float(np.mean([row["ndcg"][name] for row in rows])) for name in names},
        "p": {name: _paired(each["fitted"], each[name]) for name in names if name != "fitted"},
    }


if __name__ == "__main__":
    main()

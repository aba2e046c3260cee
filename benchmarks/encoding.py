"""How fast is SPLADE encoding? Against sentence-transformers' SparseEncoder on the same model.

One process pinned to one core, one thread; both encode the same texts in the same batch size,
in turns, after a round that is not counted. Writes results/encoding.json.

    python benchmarks/encoding.py [--model splade-tiny] [--texts 512] [--rounds 5]
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import sparse
from timing import pin

import rarefy
from rarefy.eval import load_collection
from rarefy.eval.environment import environment

RESULT = Path(__file__).parent / "results" / "encoding.json"
WORDS = (5, 20, 60, 180)  # words a text; one table each


def texts_of(words: int, count: int) -> list[str]:
    """Cut the documents of pydocs, one after the other, into texts of a number of words."""
    stream = " ".join(load_collection("pydocs").documents).split()
    texts = (" ".join(stream[start : start + words]) for start in range(0, len(stream), words))
    return list(islice(dict.fromkeys(texts), count))


def in_turns(
    first: Callable[[], Any], second: Callable[[], Any], rounds: int
) -> tuple[list[float], list[float]]:
    """Time two calls in turns; seconds of each round, without the first."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds + 1):
        for call, taken in zip((first, second), times, strict=True):
            began = time.perf_counter()
            call()
            taken.append(time.perf_counter() - began)
    return times[0][1:], times[1][1:]


def deviation(ours: sparse.csr_array, theirs: Any) -> dict[str, float]:
    """How far our vectors are from theirs: entry by entry, and as whole vectors."""
    theirs = theirs.coalesce()
    rows, columns = theirs.indices().numpy()
    expected = sparse.csr_array((theirs.values().numpy(), (rows, columns)), shape=ours.shape)
    difference = abs(ours - expected)
    relative = difference.max() / expected.max()
    norms = np.sqrt((expected**2).sum(1))
    return {
        "of_largest_weight": float(relative),
        "of_vector_norm": float((np.sqrt((difference**2).sum(1)) / norms).max()),
        "entries_in_one_alone": int(((ours > 0) != (expected > 0)).nnz),
        "nnz": float(expected.nnz / ours.shape[0]),
    }


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="splade-tiny")
    parser.add_argument("--texts", type=int, default=512)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--smoke", action="store_true", help="few texts: to see that it runs")
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    if options.smoke:
        options.texts, options.batch_size, options.rounds = 8, 2, 1
    pin()
    torch.set_num_threads(1)
    model = rarefy.load(options.model, cache=False, device="cpu")
    reference = model.encoder.pipeline
    size = options.batch_size
    tables = []
    for words in WORDS:
        texts = texts_of(words, max(size, options.texts * WORDS[0] // words))

        def theirs(texts: list[str] = texts) -> Any:
            return reference.encode_document(texts, batch_size=size, show_progress_bar=False)

        def ours(texts: list[str] = texts) -> sparse.csr_array:
            return model.encode_documents(texts, batch_size=size)

        slow, fast = in_turns(theirs, ours, options.rounds)
        ratios = np.array(slow) / np.array(fast)
        tables.append(
            {
                "words": words,
                "texts": len(texts),
                "texts_per_s": len(texts) / float(np.median(fast)),
                "sentence_transformers_texts_per_s": len(texts) / float(np.median(slow)),
                "ratio": {
                    "median": float(np.median(ratios)),
                    "min": float(ratios.min()),
                    "max": float(ratios.max()),
                },
                "deviation": deviation(ours(), theirs()),
            }
        )
        print(json.dumps(tables[-1], indent=1))
    result = {
        "model": model.name,
        "batch_size": size,
        "rounds": options.rounds,
        "environment": environment(),
        "tables": tables,
    }
    options.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()

"""What a head over pooled vectors is best trained for: every objective, one seed, one budget.

    rarefy train minilm-pooled --pairs 20000 --out out/pairs
    python benchmarks/losses.py out/pairs --data data --wordnet /usr/share/wordnet

Each run starts from the same head over the same cached vectors and takes as many steps; nDCG@10 is
of the training queries of SciFact and the development queries of NFCorpus, at 48 terms a query and
192 a document. Controls are the head before training and Gaussian rows over as many columns.
"""

from __future__ import annotations

import argparse
import copy
import json
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from judged import Judged, randomisation
from objectives import WIDE, Task, objectives
from relatives import LEVELS, Relatives

from rarefy.sparse import DenseEncoder, DenseToSparse
from rarefy.sparse.training import (
    PairBatches,
    SparsityGuard,
    TrainingPlan,
    encode_to_disk,
    read_pairs,
    terms_of,
    train,
)
from rarefy.sparse.training.pooled import matching_scale, untrained_pooled_head

RESULT = Path(__file__).parent / "results" / "losses.json"
SPLITS = (("scifact", "train"), ("nfcorpus", "dev"))
REFERENCES = ("untrained", "KL")  # what later runs are compared with
RATE = 3e-3
SAMPLE = 6000  # documents that the random rows are standardised over


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="of `rarefy train`: pairs and their vectors")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--wordnet", type=Path, default=Path("/usr/share/wordnet"))
    parser.add_argument("--pairs", type=int, default=20_000)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--only", nargs="*", help="names of objectives")
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    grid = Grid(options)
    known = {run["name"]: run for run in _read(options.out).get("runs", ())}
    for name in ("untrained", "random rows", *objectives(grid.task(0))):
        if options.only is None or name in options.only:
            known[name] = grid.run(name, options.seeds)
            options.out.write_text(json.dumps(grid.result(list(known.values())), indent=1) + "\n")
            print(name, known[name]["mean"], flush=True)


class Grid:
    """The data that all runs share."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        encoder = DenseEncoder()
        pairs = read_pairs(options.folder)
        if pairs is None:
            raise SystemExit(f"{options.folder} has no pairs: `rarefy train` writes them")
        texts = {"query": [pair.query for pair in pairs], "document": [p.document for p in pairs]}
        self.queries, self.documents = (
            np.asarray(
                encode_to_disk(encoder, texts[role], options.folder / f"{role}.npy", role=role)[
                    : options.pairs
                ]
            )
            for role in ("query", "document")
        )
        terms = partial(
            terms_of, encoder.pipeline.tokenizer, vocabulary_size=len(encoder.vocabulary)
        )
        self.own = {role: terms(texts[role][: options.pairs]) for role in texts}
        make = partial(untrained_pooled_head, encoder, self.queries, self.documents)
        self.head = make(self.own["document"])
        self.scale = matching_scale(self.head, self.queries, self.documents)
        relatives = Relatives(encoder.vocabulary, options.wordnet, self.own["document"])
        self.collections = [
            Judged(options.data / name, split, encoder, relatives) for name, split in SPLITS
        ]
        self.references: dict[str, list[float]] = {}

    def task(self, seed: int) -> Task:
        """Return what an objective may look at."""
        head = copy.deepcopy(self.head)
        batches = partial(
            PairBatches, self.queries, self.documents, size=self.options.batch, seed=seed
        )
        return Task(head, batches, self.own, self.scale, self.options.steps)

    def run(self, name: str, seeds: int) -> dict[str, Any]:
        """Train and measure a head; further seeds are measured alone."""
        rows = [self.once(name, seed) for seed in range(seeds)]
        first = rows[0]
        first["seeds"] = [row["mean"] for row in rows]
        per_query = first.pop("per_query")
        first["p"] = {
            reference: randomisation(per_query, values)
            for reference, values in self.references.items()
        }
        if name in REFERENCES:
            self.references[name] = per_query
        return first

    def once(self, name: str, seed: int) -> dict[str, Any]:
        """Train a head with one objective and measure it."""
        began, task = time.perf_counter(), self.task(seed)
        head: Any = task.head
        if name == "random rows":
            width = len(head.columns)
            head = DenseToSparse.random(head.in_features, width, seed=seed)
            head.standardise(*head.moments(self.documents[:SAMPLE].astype(np.float32)))
        elif name != "untrained":
            run = objectives(task)[name]()
            wide = WIDE if run.wide else 1
            terms = head.query_terms, head.document_terms
            head.query_terms, head.document_terms = (wide * count for count in terms)
            with tempfile.TemporaryDirectory() as folder:
                history = train(
                    head,
                    run.batches,
                    run.objective,
                    TrainingPlan(self.options.steps, learning_rate=RATE, seed=seed),
                    folder,
                    guard=SparsityGuard(dense=1.0),
                )
            head.query_terms, head.document_terms = terms
            loss = [history.records[at]["loss"] for at in (0, -1)]
        seconds = time.perf_counter() - began
        words = name != "random rows"
        measured = [collection.measure(head, words=words) for collection in self.collections]
        row: dict[str, Any] = {"name": name, "seconds": round(seconds, 1)}
        if name not in ("untrained", "random rows"):
            row["loss"] = [round(value, 4) for value in loss]
        for collection, result in zip(self.collections, measured, strict=True):
            row[collection.name] = {key: value for key, value in result.items() if key != "each"}
        row["mean"] = float(np.mean([result["share"] for result in measured]))
        row["per_query"] = [value for result in measured for value in result["each"]]
        return row

    def result(self, runs: list[dict[str, Any]]) -> dict[str, Any]:
        """Return what is written."""
        options = self.options
        return {
            "pairs": len(self.queries),
            "steps": options.steps,
            "batch": options.batch,
            "learning_rate": RATE,
            "columns": len(self.head.columns),
            "terms": [self.head.query_terms, self.head.document_terms],
            "dense": {c.name: c.dense for c in self.collections},
            "chance": {
                level: float(
                    np.mean([c.chance(level, self.head.columns) for c in self.collections])
                )
                for level in LEVELS
            },
            "runs": runs,
        }


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


if __name__ == "__main__":
    main()

"""What a frozen encoder costs: the pooled head alone, with LoRA, and with the last layer learning.

    rarefy train minilm-pooled --pairs 20000 --out out/pairs
    python benchmarks/unfrozen.py out/pairs --data data

All start from the same head and see the same pairs in the same order; the encoder as it was is the
teacher. nDCG@10 is of NFCorpus' development queries. Texts are cut at 64 word-pieces.
"""

from __future__ import annotations

import argparse
import copy
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sentence_transformers import SentenceTransformer, SparseEncoder

from rarefy.eval import development_measure, load_collection
from rarefy.sparse import DenseEncoder
from rarefy.sparse.objectives import PairObjective, score_loss
from rarefy.sparse.training import SparsityGuard, encode_to_disk, fine_tune, read_pairs, terms_of
from rarefy.sparse.training.pooled import TEMPERATURE, matching_scale, untrained_pooled_head

RESULT = Path(__file__).parent / "results" / "unfrozen.json"
WORD_PIECES = 64
PAIRS = 20_000  # whose vectors the head starts from
LEARNING: dict[str, dict[str, Any]] = {
    "head alone": {"freeze_layers": "all"},
    "head and LoRA of rank 16": {"freeze_layers": "all", "lora_rank": 16},
    "head and the last layer": {"freeze_layers": "last:1"},
}


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="of `rarefy train`: pairs and their vectors")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=3e-4)
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    encoder = DenseEncoder(cache=False)
    pairs = read_pairs(options.folder)
    if pairs is None:
        raise SystemExit(f"{options.folder} has no pairs: `rarefy train` writes them")
    texts = {"query": [pair.query for pair in pairs], "document": [p.document for p in pairs]}
    queries, documents = (
        encode_to_disk(encoder, texts[role], options.folder / f"{role}.npy", role=role)[:PAIRS]
        for role in ("query", "document")
    )
    own = terms_of(encoder.pipeline.tokenizer, texts["document"][:PAIRS], len(encoder.vocabulary))
    head = untrained_pooled_head(encoder, np.asarray(queries), np.asarray(documents), own)
    scale = matching_scale(head, queries, documents)
    collection = load_collection(str(options.data / "nfcorpus"), split="dev")

    encoder.pipeline.max_seq_length = WORD_PIECES
    teacher = encoder.pipeline
    frozen = _measure(collection, teacher)
    runs: list[dict[str, Any]] = [{"name": "nothing", "ndcg": frozen(head)}]
    for name, learning in LEARNING.items():
        model = SparseEncoder(modules=[*copy.deepcopy(list(teacher)), copy.deepcopy(head)])
        loss = score_loss("kl_divergence", temperature=TEMPERATURE, teacher_temperature=TEMPERATURE)
        began = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            log = fine_tune(
                model,
                pairs[: options.steps * options.batch],
                folder,
                objective=PairObjective(loss, scale=scale),
                teacher=teacher,
                guard=SparsityGuard(dense=1.0),
                max_steps=options.steps,
                per_device_train_batch_size=options.batch,
                learning_rate=options.rate,
                bf16=encoder.dtype == "bfloat16",
                logging_steps=5,
                use_cpu=True,
                **learning,
            )
        seconds = time.perf_counter() - began
        *modules, trained = model
        changed = name != "head alone"
        measure = _measure(collection, SentenceTransformer(modules=modules)) if changed else frozen
        losses = [entry["loss"] for entry in log if "loss" in entry]
        run = {"name": name, "ndcg": measure(trained.eval()), "seconds": round(seconds)}
        runs.append({**run, "loss": [losses[0], losses[-1]]})
        _write(options, runs)
        print(runs[-1], flush=True)


def _measure(collection: Any, dense: SentenceTransformer) -> Callable[[Any], float]:
    dense.max_seq_length = WORD_PIECES
    encoder = DenseEncoder(dense.eval(), cache=False, device="cpu")
    return development_measure(collection, encoder)


def _write(options: argparse.Namespace, runs: list[dict[str, Any]]) -> None:
    settings = {"steps": options.steps, "batch": options.batch, "learning_rate": options.rate}
    options.out.write_text(json.dumps({**settings, "runs": runs}, indent=1) + "\n")


if __name__ == "__main__":
    main()

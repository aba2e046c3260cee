"""Training: pairs of texts -> vectors of a frozen encoder on disk -> a head, or a fine-tuned model.

    sources -> overlap -> vectors -> batches -> trainer -> checkpoint, history, curves

Names are imported when they are first used: the sources need no torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rarefy.lazy import lazy as _lazy

if TYPE_CHECKING:
    from rarefy.sparse.training.balance import balanced
    from rarefy.sparse.training.batches import Batch, PairBatches
    from rarefy.sparse.training.corpus import collect_pairs, read_pairs
    from rarefy.sparse.training.fine_tuning import add_lora, fine_tune, freeze
    from rarefy.sparse.training.guard import SparsityGuard
    from rarefy.sparse.training.history import History
    from rarefy.sparse.training.overlap import OverlapFilter, OverlapReport
    from rarefy.sparse.training.own_terms import OwnTerms, terms_of
    from rarefy.sparse.training.trainer import TrainingPlan, train
    from rarefy.sparse.training.vectors import encode_to_disk

_HOME = {
    "Batch": "batches",
    "History": "history",
    "OverlapFilter": "overlap",
    "OverlapReport": "overlap",
    "OwnTerms": "own_terms",
    "PairBatches": "batches",
    "SparsityGuard": "guard",
    "TrainingPlan": "trainer",
    "add_lora": "fine_tuning",
    "balanced": "balance",
    "collect_pairs": "corpus",
    "encode_to_disk": "vectors",
    "fine_tune": "fine_tuning",
    "freeze": "fine_tuning",
    "read_pairs": "corpus",
    "terms_of": "own_terms",
    "train": "trainer",
}

__all__ = [
    "Batch",
    "History",
    "OverlapFilter",
    "OverlapReport",
    "OwnTerms",
    "PairBatches",
    "SparsityGuard",
    "TrainingPlan",
    "add_lora",
    "balanced",
    "collect_pairs",
    "encode_to_disk",
    "fine_tune",
    "freeze",
    "read_pairs",
    "terms_of",
    "train",
]

__getattr__, __dir__ = _lazy(__name__, _HOME, "train")

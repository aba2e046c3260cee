"""The objectives that `losses.py` compares: name -> how a run is set up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from torch import Tensor

from rarefy.sparse import DenseToSparse
from rarefy.sparse.objectives import (
    DecodedVectors,
    ExpansionControl,
    JointObjective,
    OwnWords,
    PairObjective,
    Schedule,
    easy_negatives,
    false_negatives,
    score_loss,
)
from rarefy.sparse.training import OwnTerms, PairBatches
from rarefy.sparse.training.pooled import TEMPERATURE

__all__ = ["WIDE", "Run", "Task", "objectives"]

WIDE = 4
"""Times the terms that vectors have while a regulariser, and not the head, is to choose them."""
NEIGHBOURS = 16


@dataclass
class Task:
    """What is trained: a head of its own, and the data that all runs share."""

    head: DenseToSparse
    batches: Callable[..., PairBatches]
    own: Mapping[str, Any]
    scale: float
    steps: int


class Run(NamedTuple):
    """One set-up."""

    batches: PairBatches
    objective: Any
    wide: bool = False


def objectives(task: Task) -> dict[str, Callable[[], Run]]:
    """Return all set-ups by name."""
    one = partial(_pairs, task)
    distil = {"temperature": TEMPERATURE, "teacher_temperature": TEMPERATURE}
    kl = partial(one, "kl_divergence", loss_options=distil)
    d2s = partial(one, "score_matrix", loss_options=distil, **_rising("l1", 1e-4, task.steps))
    contrast = partial(one, "info_nce", loss_options={"temperature": TEMPERATURE})
    near = partial(false_negatives, share=0.95)
    return {
        "KL": kl,
        "KL, both directions": partial(
            one, "kl_divergence", loss_options={**distil, "directions": "both"}
        ),
        "KL, neighbours": partial(kl, neighbours=NEIGHBOURS),
        "KL, rows trained": partial(kl, train_rows=True),
        "KL + bag of words .03": partial(kl, words=0.03),
        "KL + bag of words .1": partial(kl, words=0.1),
        "KL + bag of words .3": partial(kl, words=0.3),
        "KL + bag of words 1": partial(kl, words=1.0),
        "KL + reconstruction": partial(kl, rebuild=1.0),
        "KL + L1": partial(kl, wide=True, **_rising("l1", 1e-4, task.steps)),
        "KL + FLOPS": partial(kl, wide=True, **_rising("flops", 1e-3, task.steps)),
        "KL + DF-FLOPS": partial(kl, wide=True, **_rising("df_flops", 1e-2, task.steps)),
        "KL + anti-zero": partial(kl, **_rising("anti_zero", 1.0, task.steps)),
        "KL, joint top-k": partial(kl, wide=True, joint=True),
        "score matrix (D2S)": partial(one, "score_matrix", loss_options=distil),
        "D2S + L1": d2s,
        "D2S + L1, control by batch": partial(d2s, control="batch"),
        "D2S + L1, control by example": partial(d2s, control="example"),
        "D2S + L1, control by term": partial(d2s, control="term"),
        "MarginMSE": partial(one, "margin_mse"),
        "InfoNCE": contrast,
        "InfoNCE, queries choose": partial(
            one, "info_nce", loss_options={"temperature": TEMPERATURE, "directions": "queries"}
        ),
        "InfoNCE, false negatives left out": partial(contrast, ignored=near),
        "InfoNCE, 16 hardest negatives": partial(
            contrast, ignored=partial(easy_negatives, hardest=16)
        ),
        "InfoNCE, neighbours": partial(contrast, neighbours=NEIGHBOURS),
        "InfoNCE, several positives": partial(contrast, positives=near),
        "SigLIP": partial(one, "sigmoid_loss"),
        "weighted InfoNCE (GCL), by score": partial(
            one, "weighted_info_nce", loss_options={"temperature": TEMPERATURE, "by": "score"}
        ),
        "weighted InfoNCE (GCL), by rank": partial(
            one, "weighted_info_nce", loss_options={"temperature": TEMPERATURE, "by": "rank"}
        ),
    }


def _pairs(
    task: Task,
    loss: str,
    *,
    loss_options: dict[str, Any] | None = None,
    neighbours: int = 1,
    train_rows: bool = False,
    words: float = 0.0,
    rebuild: float = 0.0,
    wide: bool = False,
    joint: bool = False,
    control: Any = None,
    **options: Any,
) -> Run:
    batches, head = task.batches(neighbours=neighbours), task.head
    head.linear.weight.requires_grad_(train_rows)
    if control is not None:
        falling = Schedule(start=1.0, end=0.0, steps=task.steps, shape="linear")
        options["expansion"] = ExpansionControl(falling, level=control)
        options["own_terms"] = OwnTerms(task.own["query"], batches.rows)
    if joint:
        options["query_terms"] = Schedule(head.query_terms)
        options["document_terms"] = Schedule(head.document_terms)
    pairs = PairObjective(
        score_loss(loss, **(loss_options or {})),
        scale=task.scale,
        vocabulary_size=head.vocabulary_size,
        **options,
    )
    parts: list[Any] = [pairs]
    if words:
        parts.append(OwnWords(head, OwnTerms(task.own["document"], batches.rows), weight=words))
    if rebuild:
        parts.append(DecodedVectors(_rows(head), weight=rebuild))
    return Run(batches, JointObjective(*parts), wide or "regulariser" in options)


def _rising(regulariser: str, weight: float, steps: int) -> dict[str, Any]:
    schedule = Schedule(weight, steps // 2)
    return {"regulariser": regulariser, "query_weight": schedule, "document_weight": schedule}


def _rows(head: DenseToSparse) -> Tensor:
    rows = head.linear.weight.new_zeros((head.vocabulary_size, head.in_features))
    rows[head.columns] = head.linear.weight.detach()
    return rows

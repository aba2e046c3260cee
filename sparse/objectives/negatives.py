"""Which cells of a score matrix are positives, negatives, or neither.

A score matrix holds queries in rows and documents in columns. Document i belongs to query i unless
a mask says otherwise; columns after the q-th are hard negatives, of all queries or of one.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rarefy.errors import InputError

__all__ = ["diagonal", "easy_negatives", "false_negatives", "positives_of", "same_item"]


def diagonal(scores: Tensor) -> Tensor:
    """Return the mask of the pairs (i, i); bool [q, d].

    Raises
    ------
    InputError
        If there are fewer documents than queries.
    """
    queries, documents = scores.shape
    if documents < queries:
        raise InputError(
            f"the score matrix has {queries} queries and {documents} documents; expected document "
            "i to belong to query i, or a mask of positives"
        )
    return torch.eye(queries, documents, dtype=torch.bool, device=scores.device)


def positives_of(scores: Tensor, positives: Tensor | None) -> Tensor:
    """Return the mask that was given, or the diagonal; bool [q, d].

    Raises
    ------
    InputError
        If no query has a positive.
    """
    positives = diagonal(scores) if positives is None else positives
    if not positives.any():
        raise InputError("positives has none; expected at least one positive document")
    return positives


def false_negatives(
    teacher: Tensor, positives: Tensor | None = None, *, share: float = 1.0
) -> Tensor:
    """Return the mask of negatives that a teacher finds as relevant as the positives.

    Solatorio, "GISTEmbed: Guided In-sample Selection of Training Negatives", 2024, with `share` 1;
    the threshold relative to the positive's score is TopK-PercPos of Moreira et al.,
    "NV-Retriever: Improving text embedding models with effective hard-negative mining", 2024.

    Parameters
    ----------
    teacher : float [q, d]
        The teacher's scores.
    positives : bool [q, d]
        By default the diagonal.
    share
        A negative is false above this share of the best positive's score.

    Returns
    -------
    bool [q, d]
        To be passed as `ignored`.
    """
    positives = diagonal(teacher) if positives is None else positives
    best = teacher.masked_fill(~positives, -torch.inf).amax(1, keepdim=True)
    # A query without positives, whose best is -inf, has no negatives either.
    return (teacher > share * best) & ~positives & best.isfinite()


def easy_negatives(scores: Tensor, positives: Tensor | None = None, *, hardest: int) -> Tensor:
    """Return the mask of negatives besides each query's hardest ones.

    Parameters
    ----------
    scores : float [q, d]
        The student's scores or a teacher's.
    positives : bool [q, d]
        By default the diagonal.
    hardest
        Negatives a query keeps.

    Returns
    -------
    bool [q, d]
        To be passed as `ignored`.
    """
    if not hardest >= 1:
        raise InputError(f"hardest is {hardest}; expected at least 1")
    positives = diagonal(scores) if positives is None else positives
    order = scores.detach().masked_fill(positives, -torch.inf).argsort(1, descending=True)
    easy = torch.ones_like(positives).scatter(1, order[:, :hardest], False)
    return easy & ~positives


def same_item(queries: Tensor, documents: Tensor) -> Tensor:
    """Return the mask of the pairs that are of one item, for items that have several vectors.

    With the captions of an item in K languages as documents,
    ``info_nce(scores, same_item(images, captions))`` is the 1-to-K contrastive loss of Nie et al.,
    "Improving the Consistency in Cross-Lingual Cross-Modal Retrieval with 1-to-K Contrastive
    Learning", KDD 2024. With the vectors of all modalities on both sides, a vector itself ignored
    and the other modalities of its item as positives, it is a loss over all pairs of modalities at
    once, which is the idea of "Generalized Contrastive Learning for Universal Multimodal
    Retrieval", 2025.

    Parameters
    ----------
    queries : int [q]
        Which item each query is of.
    documents : int [d]
        Which item each document is of.

    Returns
    -------
    bool [q, d]
        To be passed as `positives`.
    """
    return queries[:, None] == documents[None, :]

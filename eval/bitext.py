"""How well translations find each other."""

from __future__ import annotations

from collections.abc import Mapping

from rarefy.errors import InputError, require
from rarefy.eval.run import Qrels, ranking

__all__ = ["bitext_f1"]


def bitext_f1(run: Mapping[str, Mapping[str, float]], qrels: Qrels) -> float:
    """Return the F1 of the best document taken for each query's translation.

    Every sentence of the other language is a class; F1 is the mean over the classes, weighted by
    how many queries belong to each: the main score of MTEB's bitext mining (Muennighoff et al.
    2023, "MTEB: Massive Text Embedding Benchmark"), from scikit-learn's ``f1_score``.

    Parameters
    ----------
    run
        Query id -> document id -> score.
    qrels
        Query id -> document id -> grade; the document of the highest grade is the translation.

    Raises
    ------
    InputError
        If no query is judged.
    MissingExtraError
        If scikit-learn is not installed.
    """
    if not qrels:
        raise InputError("no judgements; expected the translation of at least one query")
    f1_score = require("sklearn.metrics", "encode").f1_score
    nothing = ""  # the class of a query without results
    found = [next(iter(ranking(run.get(query_id, {}))), nothing) for query_id in qrels]
    right = [ranking(grades)[0] for grades in qrels.values()]
    return float(f1_score(right, found, average="weighted", zero_division=0))

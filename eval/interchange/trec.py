"""Runs and qrels in the forms of TREC, plain or gzip-compressed.

A run has six columns: query id, ``Q0``, document id, rank, score, name of the system. Tools
disagree about ties (trec_eval orders them by document id, others by line or by rank), and several
read scores as 32-bit floats; so a ranking is written in the order of `rarefy.eval.run.ranking` with
scores that strictly decrease, lowered to the next float32 where needed. Every tool then measures
the same order.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from rarefy.errors import InputError
from rarefy.eval.interchange.lines import open_text, read_lines
from rarefy.eval.run import Qrels, Run, ranking

__all__ = ["read_qrels", "read_run", "write_qrels", "write_run"]

_LARGEST = float(np.finfo(np.float32).max)


def write_run(path: str | Path, run: Run, *, tag: str = "rarefy") -> None:
    """Write a run, best first, with scores that strictly decrease.

    Parameters
    ----------
    path
        A name that ends in ``.gz`` gives a compressed file.
    run
        Query id -> document id -> score.
    tag
        Name of the system, in the last column.

    Raises
    ------
    InputError
        If an id or the tag is empty or has white space, which would shift the columns, or a
        score is not finite as a float32.
    """
    _check_word("tag", tag)
    with open_text(path, "w") as handle:
        for query_id, scores in run.items():
            _check_word("query id", query_id)
            order = ranking(scores)
            lines = zip(order, _decreasing(query_id, scores, order), strict=True)
            for rank, (document_id, score) in enumerate(lines, 1):
                _check_word("document id", document_id)
                handle.write(f"{query_id} Q0 {document_id} {rank} {score} {tag}\n")


def read_run(path: str | Path) -> Run:
    """Read a run; scores alone tell its order (see `rarefy.eval.run.ranking`), ranks are ignored.

    Parameters
    ----------
    path
        File of six columns, gzip-compressed if it ends in ``.gz``.

    Raises
    ------
    InputError
        If a line is broken or a document occurs twice in a ranking; the message names the line.
    """
    run: Run = {}
    for number, line in read_lines(path):
        fields = line.split()
        if len(fields) != 6:
            raise InputError(
                f"{path}:{number}: {len(fields)} columns; expected the six of a TREC run: "
                "query id, Q0, document id, rank, score, tag"
            )
        query_id, _, document_id, _, score, _ = fields
        scores = run.setdefault(query_id, {})
        if document_id in scores:
            raise InputError(
                f"{path}:{number}: document {document_id!r} occurs twice for query "
                f"{query_id!r}; remove one"
            )
        scores[document_id] = _parse_score(path, number, score)
    return run


def write_qrels(path: str | Path, qrels: Qrels) -> None:
    """Write judgements in TREC's four columns: query id, ``0``, document id, grade.

    Parameters
    ----------
    path
        File to write, gzip-compressed if it ends in ``.gz``.
    qrels
        Query id -> document id -> grade.

    Raises
    ------
    InputError
        If an id is empty or has white space, which would shift the columns.
    """
    with open_text(path, "w") as handle:
        for query_id, grades in qrels.items():
            _check_word("query id", query_id)
            for document_id, grade in grades.items():
                _check_word("document id", document_id)
                handle.write(f"{query_id} 0 {document_id} {grade}\n")


def read_qrels(path: str | Path) -> Qrels:
    """Read judgements in TREC's four columns: query id, ignored, document id, grade.

    Parameters
    ----------
    path
        File of four columns, gzip-compressed if it ends in ``.gz``.

    Raises
    ------
    InputError
        If a line is broken or a document is judged twice; the message names the line.
    """
    qrels: Qrels = {}
    for number, line in read_lines(path):
        fields = line.split()
        if len(fields) != 4:
            raise InputError(
                f"{path}:{number}: {len(fields)} columns; expected the four of TREC qrels: "
                "query id, 0, document id, grade"
            )
        query_id, _, document_id, grade = fields
        grades = qrels.setdefault(query_id, {})
        if document_id in grades:
            raise InputError(
                f"{path}:{number}: document {document_id!r} is judged twice for query "
                f"{query_id!r}; remove one"
            )
        try:
            grades[document_id] = int(grade)
        except ValueError as error:
            raise InputError(
                f"{path}:{number}: grade {grade!r}; expected a whole number"
            ) from error
    return qrels


def _decreasing(
    query_id: str, scores: Mapping[str, float], order: Sequence[str]
) -> Iterator[np.float32]:
    """Yield the scores of a ranking as float32, equal ones each lowered below the one before."""
    lowest = np.float32(-np.inf)
    last = np.float32(np.inf)
    for document_id in order:
        if not abs(scores[document_id]) <= _LARGEST:
            raise InputError(
                f"query {query_id!r}: document {document_id!r} has the score "
                f"{scores[document_id]}; expected a finite float32"
            )
        score = np.float32(scores[document_id])
        last = score if score < last else np.nextafter(last, lowest)
        yield last


def _parse_score(path: str | Path, number: int, text: str) -> float:
    try:
        score = float(text)
    except ValueError:
        score = math.nan
    if not math.isfinite(score):
        raise InputError(f"{path}:{number}: score {text!r}; expected a finite number")
    return score


def _check_word(what: str, text: str) -> None:
    if len(text.split()) != 1 or text != text.strip():
        raise InputError(
            f"{what} {text!r} cannot stand in a TREC file, whose columns are separated by white "
            "space; replace it by a name without any"
        )

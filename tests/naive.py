"""Obviously right versions of what rarefy computes, for tests to compare with.

Nothing here imports the package, and nothing here is fast.
"""

from __future__ import annotations

import datetime
import operator

import numpy as np


def scores(queries, documents):
    """Dot products in float64, rounded to float32 once; and which pairs share a term."""
    q = np.asarray(queries.todense(), dtype=np.float32).astype(np.float64)
    d = np.asarray(documents.todense(), dtype=np.float32).astype(np.float64)
    with np.errstate(over="ignore"):
        return (q @ d.T).astype(np.float32), ((q != 0).astype(int) @ (d != 0).astype(int).T) > 0


def search(queries, documents, k):
    """Best k rows and scores of each query: score descending, then row ascending."""
    result = []
    for score, shared in zip(*scores(queries, documents), strict=True):
        rows = [int(row) for row in np.flatnonzero(shared)]
        rows.sort(key=lambda row, score=score: (-score[row], row))
        result.append([(row, float(score[row])) for row in rows[:k]])
    return result


def contributions(query, document):
    """Products of the shared columns, largest first, then by column."""
    q = np.asarray(query.todense(), dtype=np.float64).ravel()
    d = np.asarray(document.todense(), dtype=np.float64).ravel()
    products = [(int(c), float(q[c] * d[c])) for c in np.flatnonzero((q != 0) & (d != 0))]
    return sorted(products, key=lambda entry: (-entry[1], entry[0]))


def champions(documents, most):
    """Of each column the rows with the highest codes, of equal codes the lowest; by row."""
    d = np.asarray(documents.todense(), dtype=np.float32).astype(np.float64)
    codes = np.ceil(d / (np.where(d.max(axis=0) > 0, d.max(axis=0), 1) / 255))
    chosen = {}
    for column in np.flatnonzero(d.max(axis=0) > 0).tolist():
        rows = sorted(np.flatnonzero(d[:, column]), key=lambda r, c=column: (-codes[r, c], r))
        chosen[column] = sorted(int(row) for row in rows[:most])
    return chosen


OPERATORS = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def holds(expression, record):
    """Whether a filter is true of a record: True, False, or None where a missing value decides."""
    kind = type(expression).__name__
    if kind == "Not":
        truth = holds(expression.term, record)
        return None if truth is None else not truth
    if kind == "Junction":
        truths = [holds(term, record) for term in expression.terms]
        decisive = expression.word == "or"
        if decisive in truths:
            return decisive
        return None if None in truths else not decisive
    value = record[expression.field]
    if kind == "Missing":
        return value is None
    if value is None:
        return None
    if kind == "Contains":
        return expression.value in value

    def alike(wanted):
        if not isinstance(value, datetime.datetime):
            return wanted
        moment = datetime.datetime.fromisoformat(wanted)
        return moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)

    if kind == "Membership":
        return value in [alike(wanted) for wanted in expression.values]
    return OPERATORS[expression.operator](value, alike(expression.value))

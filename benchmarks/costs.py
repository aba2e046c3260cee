"""A model of what a query costs, fitted to measured times.

``microseconds = call + cell * cells + posting * postings + candidate * candidates``, with
coefficients that are not negative and the least squares of relative errors.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.optimize import nnls

__all__ = ["COUNTS", "fit", "predict"]

COUNTS = ("cells", "postings", "candidates")
STANDARD = "k=10"


def fit(collections: Sequence[dict[str, Any]], mode: str) -> dict[str, float]:
    """Return the nanoseconds of each count, the microseconds of a call, and the fit's error.

    Parameters
    ----------
    collections
        What `scaling.measure` returned for each size.
    mode
        "exact", or "recall=..." .
    """
    counts, times = [], []
    for collection in collections:
        for run in collection["times"]:
            if run["mode"] == mode:
                features = collection["features"][run["shape"]]
                counts.append([1.0, *(features[name] for name in COUNTS)])
                times.append(run["search_us"]["mean"])
    table, measured = np.array(counts), np.array(times)
    scale = table.max(axis=0)
    found, _ = nnls(table / scale / measured[:, None], np.ones(len(measured)))
    found /= scale
    errors = np.abs(table @ found / measured - 1)
    return {
        "call_us": float(found[0]),
        **{f"{name}_ns": float(ns) for name, ns in zip(COUNTS, found[1:] * 1e3, strict=True)},
        "median_error": float(np.median(errors)),
        "largest_error": float(errors.max()),
    }


def predict(
    model: dict[str, float], collections: Sequence[dict[str, Any]], mode: str, n: int
) -> dict[str, float]:
    """Return microseconds of a query of medium length at k = 10 over n documents.

    Cells and postings grow with n; candidates by the power of n that the measured sizes show.
    `linear` is the measured time of the largest collection times how much larger this one is;
    `power` goes on with the exponent between the two largest.
    """
    sizes = np.array([c["documents"] for c in collections], float)
    near = np.array([c["features"][STANDARD]["candidates"] for c in collections])
    slope = float(np.polyfit(np.log(sizes), np.log(near), 1)[0]) if len(sizes) > 1 else 0.0
    largest = collections[-1]["features"][STANDARD]
    ratio = n / sizes[-1]
    counts = {
        "cells": largest["cells"] * ratio,
        "postings": largest["postings"] * ratio,
        "candidates": largest["candidates"] * ratio**slope,
    }
    measured = [
        run["search_us"]["mean"]
        for c in collections
        for run in c["times"]
        if run["mode"] == mode and run["shape"] == STANDARD
    ]
    exponent = (
        float(np.log(measured[-1] / measured[-2]) / np.log(sizes[-1] / sizes[-2]))
        if len(sizes) > 1
        else 1.0
    )
    return {
        "model_us": model["call_us"]
        + sum(model[f"{name}_ns"] * counts[name] for name in COUNTS) / 1e3,
        "linear_us": measured[-1] * ratio,
        "power_us": measured[-1] * ratio**exponent,
        "exponent": exponent,
    }

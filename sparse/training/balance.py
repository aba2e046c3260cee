"""Pairs of which no few words make up the most."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from rarefy.errors import InputError

__all__ = ["balanced"]


def balanced(terms: sparse.csr_array, most: int, *, seed: int = 0) -> NDArray[np.int64]:
    r"""Choose texts so that words of many lose texts, and words of few do not.

    Each word v asks for each of its texts with the chance :math:`\min(1, most / df_v)`, and a text
    is kept that a word of its own has asked for. Xu et al., "Demystifying CLIP Data", ICLR 2024
    (MetaCLIP), with a vocabulary's terms for the words of its metadata.

    Parameters
    ----------
    terms
        CSR [n, V] of n texts, such as :func:`rarefy.sparse.training.terms_of` gives; those without
        terms are left out.
    most
        About how many texts a word asks for at most.
    seed
        Of the chances.

    Returns
    -------
    int64 [m]
        Rows that are kept, ascending.

    Raises
    ------
    InputError
        If `most` is below 1.
    """
    if most < 1:
        raise InputError(f"most is {most}; expected at least 1")
    cells = terms.tocoo()
    frequencies = np.bincount(cells.col, minlength=terms.shape[1])
    asked = np.random.default_rng(seed).random(cells.nnz) * frequencies[cells.col] < most
    return np.unique(cells.row[asked]).astype(np.int64)

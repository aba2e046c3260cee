"""A vocabulary projection made of an encoder's own word embeddings, and standardised terms."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor, nn

from rarefy.errors import InputError
from rarefy.sparse.vocabulary import Vocabulary

__all__ = ["moments", "predictors", "standardise", "whitened", "word_columns"]


def word_columns(vocabulary: Vocabulary) -> Tensor:
    """Return the columns of words, int64: not special, two letters or more, no middle of a word."""
    return torch.tensor(
        [
            column
            for column, term in enumerate(vocabulary.terms)
            if column not in vocabulary.special and _is_word(term)
        ]
    )


def whitened(rows: Tensor, *, strength: float = 1.0) -> Tensor:
    """Return rows [A, h] centred, times a power of their covariance, at unit length.

    The power is -strength / 2: 1 makes all directions equal, 0 leaves them as they are.
    """
    centred = rows.double() - rows.double().mean(0)
    values, vectors = torch.linalg.eigh(centred.T @ centred / len(centred))
    scale = values.clamp(min=values.max() * 1e-9).pow(-strength / 2)
    return nn.functional.normalize(centred @ (vectors * scale) @ vectors.T, dim=1).float()


def predictors(
    vectors: NDArray[np.floating], words: sparse.csr_array, *, ridge: float = 0.01
) -> Tensor:
    r"""Return the directions in which vectors tell best which words their texts have.

    The rows of :math:`Y^\top X (X^\top X + \lambda \bar\sigma I)^{-1}` at unit length,
    with X centred and :math:`\bar\sigma` the mean eigenvalue of :math:`X^\top X`: ridge
    regression (Hoerl and Kennard 1970) of each word's occurrence on the dense vector.

    Parameters
    ----------
    vectors : float [n, h]
        Of n texts.
    words : CSR [n, A]
        1 where a text has a word.
    ridge
        Lambda.

    Returns
    -------
    float32 [A, h]
        Zeros for a word that no text has.
    """
    given = np.asarray(vectors, dtype=np.float32)
    given = given - given.mean(0)
    products = (given.T @ given).astype(np.float64)
    products += ridge * np.trace(products) / len(products) * np.eye(len(products))
    rows = np.linalg.solve(products, (words.T @ given).astype(np.float64).T).T
    return nn.functional.normalize(torch.from_numpy(rows), dim=1).float()


def moments(
    projection: nn.Linear, vectors: Tensor
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the mean and standard deviation of each logit over a sample of vectors.

    Parameters
    ----------
    projection
        From h features to A logits.
    vectors : float [n, h]
        At least two.

    Returns
    -------
    mean, deviation : float64 [A]

    Raises
    ------
    InputError
        If there are less than two vectors.
    """
    if len(vectors) < 2:
        raise InputError(f"the sample has {len(vectors)} vectors; expected at least 2")
    given = vectors.cpu().double()
    rows = projection.weight.detach().cpu().double()
    covariance = torch.cov(given.T, correction=0)
    mean = rows @ given.mean(0) + projection.bias.detach().cpu().double()
    variance = ((rows @ covariance) * rows).sum(1)
    return mean.numpy(), variance.clamp(min=1e-12).sqrt().numpy()


@torch.no_grad()
def standardise(
    projection: nn.Linear, mean: NDArray[np.floating], deviation: NDArray[np.floating]
) -> None:
    """Change a projection so that logits of this mean and deviation [A] have 0 and 1."""
    weight, bias = projection.weight, projection.bias
    scale = 1 / torch.from_numpy(deviation).to(weight)
    weight.mul_(scale[:, None])
    bias.sub_(torch.from_numpy(mean).to(bias)).mul_(scale)


def _is_word(term: str) -> bool:
    # "▁" and "Ġ" mark the start of a word in SentencePiece and byte-level vocabularies.
    word = term.lstrip("▁Ġ")
    return len(word) >= 2 and word.isalpha()

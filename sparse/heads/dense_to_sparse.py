"""A dense vector as weights of words, trained or not.

The projection of a dense vector to a vocabulary is that of Nguyen, Hendriksen, Yates and de Rijke,
"Multimodal Learned Sparse Retrieval with Probabilistic Expansion Control", ECIR 2024:

1. h = layer norm (projection @ vector), both optional; the projection may be of the vector's
   likeness to landmarks;
2. z = rows @ h + bias;
3. weights = log1p(relu(z - threshold)), the largest k of them; at unit length, if asked for.

Without training, rows are the encoder's own word embeddings, centred, times the inverse square root
of their covariance, at unit length; and z is standardised: mean 0 and deviation 1 for each term
over a sample of texts.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rarefy.errors import InputError
from rarefy.sparse.heads.head import VectorHead, check_counts, sample
from rarefy.sparse.heads.landmarks import Landmarks
from rarefy.sparse.heads.words import moments, standardise, whitened, word_columns

if TYPE_CHECKING:
    from rarefy.sparse.encoders.dense import DenseEncoder

__all__ = ["Activation", "DenseToSparse"]

Activation = Literal["relu", "log1p_relu", "log1p_log1p_relu"]

_ACTIVATIONS = {
    "relu": torch.relu,
    "log1p_relu": lambda logits: logits.relu().log1p(),
    "log1p_log1p_relu": lambda logits: logits.relu().log1p().log1p(),
}


class DenseToSparse(VectorHead):
    """Turns a dense vector into weights for the terms of a vocabulary.

    It is a module of sentence-transformers: the last one of a SparseEncoder. :meth:`tied_to` makes
    one for an encoder; :meth:`fit` or :meth:`standardise` makes it ready.

    Parameters
    ----------
    in_features
        Length of the dense vectors.
    vocabulary_size
        Number of columns V.
    active_terms
        Number of columns A that may get a weight: ``head.columns``, by default the first ones.
    threshold
        What a logit must exceed (a logit shift); once standardised, how many deviations above its
        mean a term must be.
    query_terms, document_terms
        How many terms a query and a document keep at most.
    hidden_features
        Length of h, where there is a projection before the rows; it starts as the identity.
    normalise
        Whether h goes through a layer norm.
    train_rows
        Whether training changes the rows, or leaves them tied to what they were made of and changes
        the projection, the layer norm and each term's bias alone.
    activation
        ``"log1p_relu"``, ``"relu"``, or ``"log1p_log1p_relu"``, which saturates earlier.
    unit
        Whether the weights are brought to unit length, so that scores are cosines.
    landmarks
        How many known vectors stand before the projection; 0 for none. It needs `hidden_features`.
    sharpness
        Of :class:`rarefy.sparse.heads.landmarks.Landmarks`.

    Raises
    ------
    InputError
        If a number is out of range, there is no such activation, or landmarks have no projection.
    """

    config_keys = [  # noqa: RUF012 - as the base class declares it
        "in_features",
        "vocabulary_size",
        "active_terms",
        "threshold",
        "query_terms",
        "document_terms",
        "hidden_features",
        "normalise",
        "train_rows",
        "activation",
        "unit",
        "landmarks",
        "sharpness",
    ]

    def __init__(
        self,
        in_features: int,
        vocabulary_size: int,
        active_terms: int,
        threshold: float = 1.0,
        query_terms: int = 48,
        document_terms: int = 192,
        hidden_features: int | None = None,
        normalise: bool = False,
        train_rows: bool = True,
        activation: Activation = "log1p_relu",
        unit: bool = False,
        landmarks: int = 0,
        sharpness: float = 3.0,
    ) -> None:
        super().__init__()
        check_counts(
            query_terms=query_terms, document_terms=document_terms, hidden_features=hidden_features
        )
        if not threshold >= 0:
            raise InputError(f"threshold is {threshold}; expected at least 0")
        if activation not in _ACTIVATIONS:
            raise InputError(
                f"activation is {activation!r}; expected one of {', '.join(_ACTIVATIONS)}"
            )
        if landmarks and not hidden_features:
            raise InputError(
                f"landmarks is {landmarks}, with no projection; expected hidden_features, too"
            )
        self.in_features = in_features
        self.vocabulary_size = vocabulary_size
        self.active_terms = active_terms
        self.threshold = threshold
        self.query_terms = query_terms
        self.document_terms = document_terms
        self.hidden_features = hidden_features
        self.normalise = normalise
        self.train_rows = train_rows
        self.activation: Activation = activation
        self.unit = unit
        self.landmarks = landmarks
        self.sharpness = sharpness
        width = hidden_features or in_features
        self.kernel = Landmarks(in_features, landmarks, sharpness) if landmarks else None
        self.projection = nn.Linear(landmarks or in_features, width) if hidden_features else None
        if self.projection is not None:
            nn.init.eye_(self.projection.weight)
            nn.init.zeros_(self.projection.bias)
        self.norm = nn.LayerNorm(width) if normalise else None
        self.linear = nn.Linear(width, active_terms)
        self.linear.weight.requires_grad_(train_rows)
        self.columns: Tensor
        self.ready: Tensor
        self.register_buffer("columns", torch.arange(active_terms))
        self.register_buffer("ready", torch.tensor(False))

    @classmethod
    def tied_to(
        cls,
        encoder: DenseEncoder,
        *,
        columns: Tensor | None = None,
        threshold: float = 1.0,
        query_terms: int = 48,
        document_terms: int = 192,
        **options: Any,
    ) -> DenseToSparse:
        """Make a head whose rows are the encoder's own word embeddings, centred and whitened.

        Only words get a weight.

        Parameters
        ----------
        encoder
            Its word embeddings must have the length of its vectors, or of h.
        columns : int64 [A]
            The words; by default all terms of at least two letters that are not the middle of one.
        threshold, query_terms, document_terms, **options
            As for the class.

        Raises
        ------
        InputError
            If they have not.
        """
        embeddings = encoder.word_embeddings
        if embeddings.shape[1] != (options.get("hidden_features") or encoder.dimension):
            raise InputError(
                f"{encoder.name} has word embeddings of length {embeddings.shape[1]} and vectors "
                f"of length {encoder.dimension}; expected an encoder where these are the same, or "
                f"hidden_features={embeddings.shape[1]}"
            )
        columns = word_columns(encoder.vocabulary) if columns is None else columns
        head = cls(
            encoder.dimension,
            len(encoder.vocabulary),
            len(columns),
            threshold,
            query_terms,
            document_terms,
            **options,
        )
        head.columns = columns
        with torch.no_grad():
            head.linear.weight.copy_(whitened(embeddings[columns].cpu()))
            head.linear.bias.zero_()
        return head.to(embeddings.device).eval()

    @classmethod
    def random(
        cls, in_features: int, vocabulary_size: int, *, seed: int = 0, **options: Any
    ) -> DenseToSparse:
        """Make a head whose rows are Gaussian noise: the control that every other should beat.

        Its columns mean nothing. It is ready: on unit vectors, logits have mean 0 and deviation 1.

        Parameters
        ----------
        in_features, vocabulary_size, **options
            As for the class.
        seed
            Of the noise.
        """
        head = cls(in_features, vocabulary_size, vocabulary_size, **options)
        with torch.no_grad():
            head.linear.weight.normal_(generator=torch.Generator().manual_seed(seed))
            head.linear.bias.zero_()
        head.ready.fill_(True)
        return head.eval()

    def fit(self, encoder: DenseEncoder, texts: Iterable[str], *, progress: bool = False) -> None:
        """Standardise every term over a sample of texts, such as the corpus; thousands are enough.

        Raises
        ------
        InputError
            If there are less than two distinct texts.
        """
        vectors = encoder.encode(sample(texts), role="document", progress=progress)
        self.standardise(*self.moments(vectors))

    @torch.inference_mode()
    def moments(
        self, vectors: NDArray[np.float32]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return each active term's mean and standard deviation over dense vectors.

        Parameters
        ----------
        vectors : float32 [n, in_features]
            At least two.

        Returns
        -------
        mean, deviation : float64 [active_terms]
        """
        device = self.linear.weight.device
        return moments(self.linear, self.hidden(torch.from_numpy(vectors).to(device)))

    def standardise(self, mean: NDArray[np.floating], deviation: NDArray[np.floating]) -> None:
        """Make terms of this mean and deviation [active_terms] have mean 0 and deviation 1."""
        standardise(self.linear, mean, deviation)
        self.ready.fill_(True)

    def logits(self, vectors: Tensor) -> Tensor:
        """Return z [n, active_terms] of dense vectors [n, in_features], before the threshold."""
        return self.linear(self.hidden(vectors))

    def heaviest(self, vectors: Tensor, task: str | None) -> tuple[Tensor, Tensor]:
        """Return the largest weights of each vector and their columns; [n, k] each.

        Raises
        ------
        InputError
            If the head is not ready.
        """
        if not self.ready:
            raise InputError("this DenseToSparse head knows no sample of texts: call fit first")
        logits, places = self.logits(vectors).topk(min(self.terms(task), self.active_terms), dim=1)
        weights: Tensor = _ACTIVATIONS[self.activation](logits - self.threshold)
        if self.unit:
            weights = nn.functional.normalize(weights, dim=1)
        return weights, self.columns[places]

    def hidden(self, vectors: Tensor) -> Tensor:
        """Return h [n, h] of dense vectors [n, in_features]: what the rows are multiplied with."""
        if self.kernel is not None:
            vectors = self.kernel(vectors)
        if self.projection is not None:
            vectors = self.projection(vectors)
        return vectors if self.norm is None else self.norm(vectors)

"""A dense vector as weights of words, with no training.

The projection of a dense vector to a vocabulary is that of Nguyen, Hendriksen, Yates and de Rijke,
"Multimodal Learned Sparse Retrieval with Probabilistic Expansion Control", ECIR 2024. There it is
trained; here it is tied to the encoder's own word embeddings:

1. rows = word embeddings of the terms, centred, times the inverse square root of their covariance,
   at unit length;
2. z = rows @ vector, standardised: mean 0 and deviation 1 for each term over a sample of texts;
3. weights = log1p(relu(z - threshold)), the largest k of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from sentence_transformers.base.modules import Module
from torch import Tensor, nn

from rarefy.errors import InputError
from rarefy.sparse.model import Role
from rarefy.sparse.rows import Row, stack
from rarefy.sparse.texts import checked

if TYPE_CHECKING:
    from rarefy.sparse.encoders.dense import DenseEncoder

__all__ = ["DenseToSparse"]

_VECTORS = 256  # projected at a time


class DenseToSparse(Module):
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
        Number of columns A that may get a weight.
    threshold
        How many deviations above its mean a term must be.
    query_terms, document_terms
        How many terms a query and a document keep at most.
    """

    config_keys = [  # noqa: RUF012 - as the base class declares it
        "in_features",
        "vocabulary_size",
        "active_terms",
        "threshold",
        "query_terms",
        "document_terms",
    ]
    forward_kwargs = {"task"}  # noqa: RUF012

    def __init__(
        self,
        in_features: int,
        vocabulary_size: int,
        active_terms: int,
        threshold: float = 1.0,
        query_terms: int = 48,
        document_terms: int = 192,
    ) -> None:
        super().__init__()
        for name, value in (("query_terms", query_terms), ("document_terms", document_terms)):
            if not value >= 1:
                raise InputError(f"{name} is {value}; expected at least 1")
        if not threshold >= 0:
            raise InputError(f"threshold is {threshold}; expected at least 0")
        self.in_features = in_features
        self.vocabulary_size = vocabulary_size
        self.active_terms = active_terms
        self.threshold = threshold
        self.query_terms = query_terms
        self.document_terms = document_terms
        self.linear = nn.Linear(in_features, active_terms)
        self.columns: Tensor
        self.ready: Tensor
        self.register_buffer("columns", torch.arange(active_terms))
        self.register_buffer("ready", torch.tensor(False))

    @classmethod
    def tied_to(
        cls,
        encoder: DenseEncoder,
        *,
        threshold: float = 1.0,
        query_terms: int = 48,
        document_terms: int = 192,
    ) -> DenseToSparse:
        """Make a head whose rows are the encoder's own word embeddings, centred and whitened.

        Only words get a weight: terms of at least two letters that are not the middle of a word.

        Raises
        ------
        InputError
            If the vectors do not have the length of the word embeddings.
        """
        vocabulary = encoder.vocabulary
        embeddings = encoder.word_embeddings
        if embeddings.shape[1] != encoder.dimension:
            raise InputError(
                f"{encoder.name} has word embeddings of length {embeddings.shape[1]} and vectors "
                f"of length {encoder.dimension}; expected an encoder where these are the same"
            )
        columns = torch.tensor(
            [
                column
                for column, term in enumerate(vocabulary.terms)
                if column not in vocabulary.special and _is_word(term)
            ]
        )
        head = cls(
            encoder.dimension,
            len(vocabulary),
            len(columns),
            threshold,
            query_terms,
            document_terms,
        )
        head.columns = columns
        with torch.no_grad():
            head.linear.weight.copy_(_whitened(embeddings[columns].cpu()))
            head.linear.bias.zero_()
        return head.to(embeddings.device).eval()

    def fit(self, encoder: DenseEncoder, texts: Iterable[str], *, progress: bool = False) -> None:
        """Standardise every term over a sample of texts, such as the corpus; thousands are enough.

        Raises
        ------
        InputError
            If there are less than two distinct texts.
        """
        sample = [text for text in dict.fromkeys(checked(texts)) if text.strip()]
        vectors = encoder.encode(sample, role="document", progress=progress)
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
        if len(vectors) < 2:
            raise InputError(f"the sample has {len(vectors)} distinct texts; expected at least 2")
        sample = torch.from_numpy(vectors).double()
        rows = self.linear.weight.cpu().double()
        covariance = torch.cov(sample.T, correction=0)
        mean = rows @ sample.mean(0) + self.linear.bias.cpu().double()
        variance = ((rows @ covariance) * rows).sum(1)
        return mean.numpy(), variance.clamp(min=1e-12).sqrt().numpy()

    @torch.no_grad()
    def standardise(self, mean: NDArray[np.floating], deviation: NDArray[np.floating]) -> None:
        """Make terms of this mean and deviation [active_terms] have mean 0 and deviation 1."""
        weight, bias = self.linear.weight, self.linear.bias
        scale = 1 / torch.from_numpy(deviation).to(weight)
        weight.mul_(scale[:, None])
        bias.sub_(torch.from_numpy(mean).to(bias)).mul_(scale)
        self.ready.fill_(True)

    def forward(
        self, features: dict[str, Any], *, task: str | None = None, **_: Any
    ) -> dict[str, Any]:
        """Replace ``sentence_embedding`` [n, in_features] by weights [n, vocabulary_size]."""
        weights, terms = self._heaviest(features["sentence_embedding"], task)
        result = weights.new_zeros((len(weights), self.vocabulary_size))
        features["sentence_embedding"] = result.scatter(1, self.columns[terms], weights)
        return features

    @torch.inference_mode()
    def project(self, vectors: NDArray[np.float32], role: Role) -> sparse.csr_array:
        """Project dense vectors without a dense result.

        Parameters
        ----------
        vectors : float32 [n, in_features]
        role
            Which number of terms to keep.

        Returns
        -------
        scipy.sparse.csr_array
            float32 [n, vocabulary_size].
        """
        rows = []
        for start in range(0, len(vectors), _VECTORS):
            part = torch.from_numpy(vectors[start : start + _VECTORS]).to(self.linear.weight.device)
            weights, terms = self._heaviest(part, role)
            for own, columns in zip(
                weights.cpu().numpy(), self.columns[terms].cpu().numpy(), strict=True
            ):
                order = np.argsort(columns)
                order = order[own[order] > 0]
                rows.append(Row(columns[order].astype(np.uint32), own[order]))
        return stack(rows, self.vocabulary_size)

    def get_embedding_dimension(self) -> int:
        """Return the number of columns."""
        return self.vocabulary_size

    def save(self, output_path: str, *args: Any, safe_serialization: bool = True, **_: Any) -> None:
        """Write configuration and weights, as sentence-transformers asks."""
        self.save_config(output_path)
        self.save_torch_weights(output_path, safe_serialization=safe_serialization)

    @classmethod
    def load(  # type: ignore[override]
        cls, model_name_or_path: str, subfolder: str = "", **options: Any
    ) -> DenseToSparse:
        """Read what :meth:`save` wrote, as sentence-transformers asks."""
        kept = {"token", "cache_folder", "revision", "local_files_only"} & options.keys()
        hub = {"subfolder": subfolder, **{key: options[key] for key in kept}}
        head = cls(**cls.load_config(model_name_or_path, **hub))
        return cls.load_torch_weights(model_name_or_path, model=head, **hub)

    def _heaviest(self, vectors: Tensor, task: str | None) -> tuple[Tensor, Tensor]:
        """Return the largest weights and their places among the active terms; [n, k] each."""
        if not self.ready:
            raise InputError("this DenseToSparse head knows no sample of texts: call fit first")
        k = self.query_terms if task == "query" else self.document_terms
        logits, terms = self.linear(vectors).topk(min(k, self.active_terms), dim=1)
        return (logits - self.threshold).relu().log1p(), terms


def _is_word(term: str) -> bool:
    # "▁" and "Ġ" mark the start of a word in SentencePiece and byte-level vocabularies.
    word = term.lstrip("▁Ġ")
    return len(word) >= 2 and word.isalpha()


def _whitened(rows: Tensor) -> Tensor:
    centred = rows.double() - rows.double().mean(0)
    values, vectors = torch.linalg.eigh(centred.T @ centred / len(centred))
    scale = values.clamp(min=values.max() * 1e-9).rsqrt()
    whitened = centred @ (vectors * scale) @ vectors.T
    return nn.functional.normalize(whitened, dim=1).float()

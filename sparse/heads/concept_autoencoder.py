"""Two modalities as the same few concepts, from which either is rebuilt by a decoder of its own."""

from __future__ import annotations

from torch import Tensor, nn

from rarefy.sparse.heads.latent import LatentHead

__all__ = ["ConceptAutoencoder"]


class ConceptAutoencoder(LatentHead):
    r"""Turns a dense vector into weights of the concepts that are nearest to it.

    With unit vectors :math:`\hat x` and concepts :math:`\hat w_j`,

    .. math:: z_j = \mathrm{TopK}(2 - |\hat x - \hat w_j|), \qquad
              \hat q = D_q z, \quad \hat d = D_d z

    The encoder goes by distance, so vectors of either modality that lie on one side have the same
    concepts, however long they are; decoders are apart, so concepts need not hold what tells the
    modalities apart. After Shen et al., "VL-SAE: Interpreting and Enhancing Vision-Language
    Alignment with a Unified Concept Set", 2025; that the activation falls linearly with distance is
    our choice. Queries are one modality, documents the other.

    Parameters
    ----------
    in_features
        Length of the dense vectors, of one space: see
        :func:`rarefy.sparse.training.alignment.ridge_map`.
    vocabulary_size
        Number of concepts.
    query_terms, document_terms
        How many concepts a query and a document keep at most.

    Raises
    ------
    InputError
        If a number is below 1.
    """

    config_keys = [  # noqa: RUF012 - as the base class declares it
        "in_features",
        "vocabulary_size",
        "query_terms",
        "document_terms",
    ]

    def __init__(
        self,
        in_features: int,
        vocabulary_size: int,
        query_terms: int = 48,
        document_terms: int = 192,
    ) -> None:
        super().__init__(in_features, vocabulary_size, query_terms, document_terms)
        self.decoders = nn.ModuleDict(
            {role: nn.Linear(vocabulary_size, in_features) for role in ("query", "document")}
        )

    def closeness(self, vectors: Tensor) -> Tensor:
        """Return 2 - distance, [n, vocabulary_size], of vectors [n, in_features]: 0 to 2."""
        unit, rows = (nn.functional.normalize(part, dim=1) for part in (vectors, self.rows))
        # The gradient of a square root at 0 is none.
        return 2 - (2 - 2 * unit @ rows.T).clamp(min=1e-8).sqrt()

    def heaviest(self, vectors: Tensor, task: str | None) -> tuple[Tensor, Tensor]:
        """Return the largest weights of each vector and their columns; [n, k] each."""
        weights, columns = self.closeness(vectors).topk(
            min(self.terms(task), self.vocabulary_size), dim=1
        )
        return weights, columns

    def decode(self, codes: Tensor, task: str) -> Tensor:
        """Return the vectors [n, in_features] of a modality that codes [n, V] stand for."""
        decoded: Tensor = self.decoders["query" if task == "query" else "document"](codes)
        return decoded

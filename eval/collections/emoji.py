"""Emoji as a test collection: a name or a picture asks, other pictures or names answer."""

from __future__ import annotations

from rarefy.errors import InputError
from rarefy.eval.collections.collection import Collection
from rarefy.sparse.model import Role
from rarefy.sparse.training.sources.emoji import (
    LANGUAGES,
    STYLES,
    Concept,
    EmojiSplit,
    emoji_concepts,
)

__all__ = ["read_emoji"]

_DRAWN = "windows"  # the style that training leaves out


def read_emoji(name: str, *, split: str | None = None) -> Collection:
    """Build a collection of emoji from the packages of the extra ``image``.

    Parameters
    ----------
    name
        ``"emoji/<source>-<target>"``, each a language, such as ``de``, or a style, such as
        ``google``; by default the target is ``windows``. Styles are of pictures, languages of
        names: ``emoji/de-en`` asks English names in German.
    split
        ``"test"`` (300 concepts, the default), ``"validation"`` (150) or ``"train"`` (1,040): no
        concept is in two.

    Returns
    -------
    Collection
        A query and a document for each concept, which belong to each other; ids are code points.

    Raises
    ------
    InputError
        If there is no such source, target or split.
    MissingExtraError
        If the packages are not installed.
    """
    source, _, target = name.removeprefix("emoji/").partition("-")
    target = target or _DRAWN
    if not {source, target} <= {*LANGUAGES, *STYLES} or source == target:
        raise InputError(
            f"there is no collection {name!r}; expected emoji/<source> or emoji/<source>-<target>, "
            f"two of {', '.join((*LANGUAGES, *STYLES))}"
        )
    sides: dict[Role, str] = {"document": target, "query": source}
    chosen: EmojiSplit = split or "test"  # type: ignore[assignment]
    concepts = emoji_concepts(chosen)
    ids = [concept.code for concept in concepts]
    return Collection(
        name=name,
        split=chosen,
        document_ids=ids,
        documents=[_item(concept, target) for concept in concepts],
        query_ids=ids,
        queries=[_item(concept, source) for concept in concepts],
        qrels={key: {key: 1} for key in ids},
        language=next((side for side in sides.values() if side in LANGUAGES), "en"),
        pictured=frozenset(role for role, side in sides.items() if side in STYLES),
    )


def _item(concept: Concept, side: str) -> str:
    return (concept.pictures if side in STYLES else concept.captions)[side]

"""Emoji as a test collection: a name or a picture asks, pictures of another style answer."""

from __future__ import annotations

from rarefy.errors import InputError
from rarefy.eval.collections.collection import Collection
from rarefy.sparse.training.sources.emoji import LANGUAGES, STYLES, EmojiSplit, emoji_concepts

__all__ = ["read_emoji"]

_DRAWN = "windows"  # the style that training leaves out


def read_emoji(name: str, *, split: str | None = None) -> Collection:
    """Build a collection of emoji from the packages of the extra ``image``.

    Parameters
    ----------
    name
        ``"emoji/<source>-<style>"``: the source is a language, such as ``de``, or a style, such as
        ``google``; documents are pictures of the other style, by default ``windows``.
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
        If there is no such source, style or split.
    MissingExtraError
        If the packages are not installed.
    """
    source, _, style = name.removeprefix("emoji/").partition("-")
    style = style or _DRAWN
    if source not in (*LANGUAGES, *STYLES) or style not in STYLES or source == style:
        raise InputError(
            f"there is no collection {name!r}; expected emoji/<source> or emoji/<source>-<style>, "
            f"a source of {', '.join((*LANGUAGES, *STYLES))} and another style of "
            f"{', '.join(STYLES)}"
        )
    chosen: EmojiSplit = split or "test"  # type: ignore[assignment]
    concepts = emoji_concepts(chosen)
    ids = [concept.code for concept in concepts]
    pictured = source in STYLES
    return Collection(
        name=name,
        split=chosen,
        document_ids=ids,
        documents=[concept.pictures[style] for concept in concepts],
        query_ids=ids,
        queries=[(c.pictures if pictured else c.captions)[source] for c in concepts],
        qrels={key: {key: 1} for key in ids},
        language="en" if pictured else source,
        pictured=frozenset({"document", "query"} if pictured else {"document"}),
    )

"""Collections across languages, made of two known ones that are parallel.

``tatoeba/eng-deu`` is ``tatoeba/deu-eng`` the other way round. ``xquad-r/de-en`` asks the questions
of ``xquad-r/de`` among the sentences of ``xquad-r/en``: XQuAD's questions have the same ids in all
languages, as Roy et al. ("LAReQA", EMNLP 2020) use them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from rarefy.errors import InputError
from rarefy.eval.collections.collection import Collection

__all__ = ["crossed"]

_TATOEBA, _XQUAD = "tatoeba/", "xquad-r/"

# ISO 639-1 of the languages whose names in Tatoeba are of ISO 639-3.
_LANGUAGES = {
    **{"ara": "ar", "bul": "bg", "cmn": "zh", "deu": "de", "ell": "el", "fra": "fr", "hin": "hi"},
    **{"ind": "id", "ita": "it", "jpn": "ja", "kor": "ko", "nld": "nl", "pol": "pl", "por": "pt"},
    **{"rus": "ru", "spa": "es", "swh": "sw", "tha": "th", "tur": "tr", "vie": "vi"},
}


def crossed(name: str, known: Callable[[str], Collection | None]) -> Collection | None:
    """Make a collection across languages.

    Parameters
    ----------
    name
        ``tatoeba/<language>-<language>`` or ``xquad-r/<queries>-<documents>``.
    known
        Loads a collection by its name; None for one that is not known.

    Returns
    -------
    Collection or None
        None if the name is none of these.

    Raises
    ------
    InputError
        If the two collections have no question in common.
    """
    first, _, second = name.partition("/")[2].partition("-")
    if not first or not second:
        return None
    if name.startswith(_TATOEBA):
        found = known(f"{_TATOEBA}{second}-{first}")
        if found is None:
            return None
        return replace(_reversed(found), name=name, language=_LANGUAGES.get(second, "en"))
    if name.startswith(_XQUAD) and first != second:
        asking, answering = known(f"{_XQUAD}{first}"), known(f"{_XQUAD}{second}")
        if asking is not None and answering is not None:
            return _asked_across(name, asking, answering)
    return None


def _reversed(collection: Collection) -> Collection:
    qrels: dict[str, dict[str, int]] = {}
    for query_id, grades in collection.qrels.items():
        for document_id, grade in grades.items():
            qrels.setdefault(document_id, {})[query_id] = grade
    return replace(
        collection,
        document_ids=collection.query_ids,
        documents=collection.queries,
        query_ids=collection.document_ids,
        queries=collection.documents,
        qrels=qrels,
    )


def _asked_across(name: str, asking: Collection, answering: Collection) -> Collection:
    texts = dict(zip(asking.query_ids, asking.queries, strict=True))
    query_ids = [key for key in answering.query_ids if key in texts]
    if not query_ids:
        raise InputError(
            f"{asking.name} and {answering.name} have no question in common; expected the same ids"
        )
    shared = set(query_ids)
    return replace(
        answering,
        name=name,
        query_ids=query_ids,
        queries=[texts[key] for key in query_ids],
        qrels={key: grades for key, grades in answering.qrels.items() if key in shared},
    )

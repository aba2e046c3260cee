"""Collections as TREC gives them: a folder of documents, topics and qrels.

``corpus.jsonl`` as in BEIR, or ``documents*`` in TREC's markup::

    <DOC> <DOCNO> FT911-3 </DOCNO> <TEXT> any markup is taken out </TEXT> </DOC>

``topics*`` as ``.tsv`` (id, tab, text) or in TREC's markup, whose closing tags are optional::

    <top> <num> Number: 301 <title> Organized Crime <desc> Description: ... <narr> ... </top>

``qrels*`` of four columns: topic, ignored, document, grade. All may be gzip-compressed.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path

from rarefy.errors import InputError
from rarefy.eval.collections.beir import read_texts
from rarefy.eval.collections.collection import Collection
from rarefy.eval.collections.texts import Texts, TextsWriter, repeated
from rarefy.eval.interchange.lines import read_lines
from rarefy.eval.interchange.trec import read_qrels

__all__ = ["read_trec"]

_LABELS = re.compile(r"^\s*(?:Number|Topic|Description|Narrative)\s*:\s*", re.IGNORECASE)
_TAG = re.compile(r"<[^>]*>")


def read_trec(
    folder: str | Path,
    *,
    split: str | None = None,
    field: str = "title",
    drop_unknown: bool = False,
) -> Collection:
    """Read a folder of documents, topics and qrels.

    Parameters
    ----------
    folder
        Holds the files that the module names.
    split
        Which judgements to read where there are several: ``qrels.<split>.txt`` and the like.
    field
        Which part of a topic is the query: ``"title"``, ``"desc"`` or ``"narr"``.
    drop_unknown
        Leave out judgements of documents or topics that are not in the folder; pools name such
        documents often.

    Raises
    ------
    InputError
        If a file is missing or broken; the message names it, and the line where there is one.
    """
    folder = Path(folder)
    topics = _only(folder, "topics*", "topics")
    judgements = _only(folder, f"qrels*{split}*" if split else "qrels*", "qrels")
    corpora = sorted(folder.glob("corpus.jsonl*"))
    if corpora:
        document_ids, documents = read_texts(corpora[0], titled=True)
    else:
        document_ids, documents = _read_documents(folder)
    queries = dict(_read_topics(topics, field))
    qrels = read_qrels(judgements)
    named = {document_id for grades in qrels.values() for document_id in grades}
    known = {document_id for document_id in document_ids if document_id in named}
    if drop_unknown:
        kept = {
            query_id: {key: grade for key, grade in grades.items() if key in known}
            for query_id, grades in qrels.items()
            if query_id in queries
        }
        qrels = {query_id: grades for query_id, grades in kept.items() if grades}
    elif named - known:
        raise InputError(
            f"{judgements}: document {min(named - known)!r} is not in {folder}; add it, or read "
            "with drop_unknown (--drop-unknown), which leaves such judgements out"
        )
    return Collection(
        name=folder.resolve().name,
        split=split or "test",
        document_ids=document_ids,
        documents=documents,
        query_ids=list(queries),
        queries=list(queries.values()),
        qrels=qrels,
    )


def _only(folder: Path, pattern: str, what: str) -> Path:
    found = sorted(path for path in folder.glob(pattern) if path.is_file())
    if len(found) != 1:
        listed = ", ".join(path.name for path in found) or "none"
        raise InputError(
            f"{folder} has {len(found)} files {pattern} ({listed}); expected one of {what}"
            + ("; name the split (--split)" if found and what == "qrels" else "")
        )
    return found[0]


def _read_documents(folder: Path) -> tuple[Texts, Texts]:
    paths = sorted(path for path in folder.glob("documents*") if path.is_file())
    if not paths:
        raise InputError(f"{folder} has neither corpus.jsonl nor documents*; add one of them")
    ids, texts, places = TextsWriter(), TextsWriter(), []
    for path in paths:
        for number, block in _blocks(path, "DOC"):
            key = re.search(r"<DOCNO>\s*(\S+)\s*</DOCNO>", block, re.IGNORECASE)
            if key is None:
                raise InputError(f"{path}:{number}: <DOC> without <DOCNO>; give it one")
            ids.append(key[1])
            texts.append(_text(block[: key.start()] + block[key.end() :]))
            places.append(f"{path}:{number}")
    found = ids.finished()
    if twice := repeated(found):
        raise InputError(
            f"{places[twice[1]]}: <DOCNO> {found[twice[1]]!r} occurs twice; ids must be unique"
        )
    return found, texts.finished()


def _read_topics(path: Path, field: str) -> Iterator[tuple[str, str]]:
    if field not in ("title", "desc", "narr"):
        raise InputError(f"field is {field!r}; expected 'title', 'desc' or 'narr'")
    seen = set()
    for number, key, text in _topics(path, field):
        if key in seen:
            raise InputError(f"{path}:{number}: topic {key!r} occurs twice; ids must be unique")
        seen.add(key)
        yield key, text


def _topics(path: Path, field: str) -> Iterator[tuple[int, str, str]]:
    if path.name.removesuffix(".gz").endswith(".tsv"):
        for number, line in read_lines(path):
            key, tab, text = line.partition("\t")
            if not tab:
                raise InputError(f"{path}:{number}: no tab; expected topic id, tab, text")
            yield number, key.strip(), text.strip()
        return
    for number, block in _blocks(path, "top"):
        parts = dict(re.findall(r"<(num|title|desc|narr)>([^<]*)", block, re.IGNORECASE))
        texts = {
            name.lower(): " ".join(html.unescape(_LABELS.sub("", text)).split())
            for name, text in parts.items()
        }
        missing = [name for name in ("num", field) if not texts.get(name)]
        if missing:
            raise InputError(f"{path}:{number}: <top> without <{missing[0]}>; give it one")
        yield number, texts["num"], texts[field]


def _blocks(path: Path, tag: str) -> Iterator[tuple[int, str]]:
    """Yield the line number and the inside of each ``<tag>...</tag>``, one at a time."""
    opening, closing = f"<{tag}>".lower(), f"</{tag}>".lower()
    began, inside = 0, list[str]()
    for number, line in read_lines(path):
        rest = line
        while rest.strip():
            if not began:
                before, found, rest = _split(rest, opening)
                if not found:
                    raise InputError(
                        f"{path}:{number}: {before.strip()[:40]!r} outside of <{tag}>; "
                        f"expected <{tag}>...</{tag}>"
                    )
                began, inside = number, []
            text, found, rest = _split(rest, closing)
            inside.append(text)
            if found:
                yield began, "\n".join(inside)
                began = 0
    if began:
        raise InputError(f"{path}:{began}: <{tag}> without </{tag}>; the file seems cut off")


def _split(line: str, tag: str) -> tuple[str, bool, str]:
    place = line.lower().find(tag)
    return (line, False, "") if place < 0 else (line[:place], True, line[place + len(tag) :])


def _text(markup: str) -> str:
    return " ".join(html.unescape(_TAG.sub(" ", markup)).split())

"""Collections in BEIR form: a folder of corpus.jsonl, queries.jsonl and qrels/<split>.tsv.

The form is that of Thakur et al. 2021, "BEIR: A Heterogeneous Benchmark for Zero-shot Evaluation
of Information Retrieval Models".
"""

from __future__ import annotations

from array import array
from collections.abc import Container
from pathlib import Path
from typing import Any

from rarefy.errors import InputError
from rarefy.eval.collections.collection import Collection
from rarefy.eval.collections.texts import Texts, TextsWriter, repeated
from rarefy.eval.interchange.lines import read_json_lines, read_lines
from rarefy.eval.run import Qrels

__all__ = ["read_beir", "read_texts"]


def read_beir(
    folder: str | Path, *, split: str | None = None, drop_unknown: bool = False
) -> Collection:
    """Read a folder in BEIR form; each of its files may be gzip-compressed (``.gz``).

    The text of a document is its title, a space and its text, stripped. Texts are read one at a
    time into `rarefy.eval.collections.texts.Texts`, so that a corpus of millions is never in memory
    as Python objects.

    Parameters
    ----------
    folder
        Holds ``corpus.jsonl`` (``_id``, ``text`` and optionally ``title``), ``queries.jsonl``
        (``_id``, ``text``) and ``qrels/<split>.tsv`` (query id, document id and grade separated
        by tabs, with or without a header).
    split
        Which judgements to read; default ``test`` if there is one, else ``dev``, else the only
        one.
    drop_unknown
        Leave out judgements of documents or queries that are not in the folder, where they
        would be an error.

    Raises
    ------
    InputError
        If a file is missing or broken; the message names it, and the line where there is one.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder; expected one in BEIR form")
    corpus = _existing(folder, "corpus.jsonl")
    topics = _existing(folder, "queries.jsonl")
    chosen, judgements = _choose_split(folder, split)
    document_ids, documents = read_texts(corpus, titled=True)
    query_ids, queries = read_texts(topics, titled=False)
    if not documents:
        raise InputError(f"{corpus} has no documents; expected one JSON object a line")
    return Collection(
        name=folder.resolve().name,
        split=chosen,
        document_ids=document_ids,
        documents=documents,
        query_ids=list(query_ids),
        queries=list(queries),
        qrels=_read_qrels(judgements, set(query_ids), document_ids, drop_unknown),
    )


def _existing(folder: Path, name: str) -> Path:
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    raise InputError(
        f"{folder} has neither {name} nor {name}.gz; a folder in BEIR form holds corpus.jsonl, "
        "queries.jsonl and qrels/<split>.tsv"
    )


def _choose_split(folder: Path, split: str | None) -> tuple[str, Path]:
    files = [*folder.glob("qrels/*.tsv"), *folder.glob("qrels/*.tsv.gz")]
    found = {path.name.split(".tsv")[0]: path for path in sorted(files)}
    if not found:
        raise InputError(f"{folder} has no judgements; expected qrels/<split>.tsv, as in BEIR")
    listed = ", ".join(found)
    if split is not None:
        if split not in found:
            raise InputError(f"{folder} has no split {split!r}; it has {listed}")
        return split, found[split]
    for name in ("test", "dev", *(found if len(found) == 1 else ())):
        if name in found:
            return name, found[name]
    raise InputError(f"{folder} has the splits {listed}; name the one to read (--split)")


def read_texts(path: Path, *, titled: bool) -> tuple[Texts, Texts]:
    """Read ids and texts from JSON lines of ``_id`` and ``text``.

    Parameters
    ----------
    path
        The file.
    titled
        Whether a ``title`` stands before the text.

    Raises
    ------
    InputError
        If a line is broken or an id occurs twice; the message names the line.
    """
    ids, texts, lines = TextsWriter(), TextsWriter(), array("q")
    for number, record in read_json_lines(path):
        key = _string(path, number, record, "_id")
        text = _string(path, number, record, "text")
        if titled and record.get("title") is not None:
            text = f"{_string(path, number, record, 'title')} {text}"
        ids.append(key)
        texts.append(text.strip())
        lines.append(number)
    found = ids.finished()
    if twice := repeated(found):
        first, second = (lines[place] for place in twice)
        raise InputError(
            f"{path}:{second}: _id {found[twice[1]]!r} occurs twice, first in line {first}; ids "
            "must be unique"
        )
    return found, texts.finished()


def _string(path: Path, number: int, record: dict[str, Any], field: str) -> str:
    if field not in record:
        raise InputError(f"{path}:{number}: no {field!r}; found {', '.join(record) or 'nothing'}")
    value = record[field]
    if not isinstance(value, str):
        raise InputError(
            f"{path}:{number}: {field!r} is {value!r}; expected a string in double quotes"
        )
    return value


def _read_qrels(
    path: Path, queries: Container[str], document_ids: Texts, drop_unknown: bool
) -> Qrels:
    judgements = []
    for number, line in read_lines(path):
        fields = line.split("\t")
        if len(fields) != 3:
            raise InputError(
                f"{path}:{number}: {len(fields)} columns; expected query id, document id and "
                "grade, separated by tabs"
            )
        query_id, document_id, text = (field.strip() for field in fields)
        try:
            judgements.append((number, query_id, document_id, int(text)))
        except ValueError as error:
            if number == 1 and query_id not in queries:
                continue  # the header
            raise InputError(f"{path}:{number}: grade {text!r}; expected a whole number") from error
    named = {document_id for _, _, document_id, _ in judgements}
    documents = {document_id for document_id in document_ids if document_id in named}
    qrels: Qrels = {}
    for number, query_id, document_id, grade in judgements:
        known = query_id in queries and document_id in documents
        if not known and not drop_unknown:
            what, key = ("document", document_id) if query_id in queries else ("query", query_id)
            where = "corpus.jsonl" if what == "document" else "queries.jsonl"
            raise InputError(
                f"{path}:{number}: {what} {key!r} is not in {where}; add it, remove the line, "
                "or read with drop_unknown (--drop-unknown), which leaves such judgements out"
            )
        if known:
            grades = qrels.setdefault(query_id, {})
            if grades.setdefault(document_id, grade) != grade:
                raise InputError(
                    f"{path}:{number}: document {document_id!r} has the grades "
                    f"{grades[document_id]} and {grade} for query {query_id!r}; keep one"
                )
    if not qrels:
        raise InputError(f"{path} has no judgements; expected one a line")
    return qrels

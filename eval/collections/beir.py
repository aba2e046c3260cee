"""Collections in BEIR form: a folder of corpus.jsonl, queries.jsonl and qrels/<split>.tsv.

The form is that of Thakur et al. 2021, "BEIR: A Heterogeneous Benchmark for Zero-shot Evaluation
of Information Retrieval Models".
"""

from __future__ import annotations

from collections.abc import Collection as Container
from pathlib import Path
from typing import Any

from rarefy.errors import InputError
from rarefy.eval.collections.collection import Collection
from rarefy.eval.interchange.lines import read_json_lines, read_lines
from rarefy.eval.run import Qrels

__all__ = ["read_beir"]


def read_beir(
    folder: str | Path, *, split: str | None = None, drop_unknown: bool = False
) -> Collection:
    """Read a folder in BEIR form; each of its files may be gzip-compressed (``.gz``).

    The text of a document is its title, a space and its text, stripped.

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
    documents = _read_texts(corpus, titled=True)
    queries = _read_texts(topics, titled=False)
    if not documents:
        raise InputError(f"{corpus} has no documents; expected one JSON object a line")
    qrels = _read_qrels(judgements, queries, documents, drop_unknown)
    return Collection(
        name=folder.resolve().name,
        split=chosen,
        document_ids=list(documents),
        documents=list(documents.values()),
        query_ids=list(queries),
        queries=list(queries.values()),
        qrels=qrels,
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


def _read_texts(path: Path, *, titled: bool) -> dict[str, str]:
    texts: dict[str, str] = {}
    for number, record in read_json_lines(path):
        key = _string(path, number, record, "_id")
        if key in texts:
            raise InputError(f"{path}:{number}: _id {key!r} occurs twice; ids must be unique")
        text = _string(path, number, record, "text")
        if titled and record.get("title") is not None:
            text = f"{_string(path, number, record, 'title')} {text}"
        texts[key] = text.strip()
    return texts


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
    path: Path, queries: Container[str], documents: Container[str], drop_unknown: bool
) -> Qrels:
    qrels: Qrels = {}
    for number, line in read_lines(path):
        fields = line.split("\t")
        if len(fields) != 3:
            raise InputError(
                f"{path}:{number}: {len(fields)} columns; expected query id, document id and "
                "grade, separated by tabs"
            )
        query_id, document_id, grade = (field.strip() for field in fields)
        try:
            value = int(grade)
        except ValueError as error:
            if number == 1 and query_id not in queries:
                continue  # the header
            raise InputError(
                f"{path}:{number}: grade {grade!r}; expected a whole number"
            ) from error
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
            if grades.setdefault(document_id, value) != value:
                raise InputError(
                    f"{path}:{number}: document {document_id!r} has the grades "
                    f"{grades[document_id]} and {value} for query {query_id!r}; keep one"
                )
    if not qrels:
        raise InputError(f"{path} has no judgements; expected one a line")
    return qrels

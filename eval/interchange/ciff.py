"""Sparse vectors as an inverted index in the Common Index File Format.

Lin, Mackenzie, Kamphuis, Macdonald, Mallia, Siedlaczek, Trotman & de Vries 2020, "Supporting
Interoperability Between Open-Source Search Engines with the Common Index File Format". A file is a
header, a postings list for each term and a record for each document: Protocol Buffers messages,
each after its length. An impact stands where a term's frequency would; a document's length is the
sum of its impacts.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from functools import cache
from itertools import accumulate
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any, cast

import numpy as np
from scipy.sparse import coo_array, csr_array

from rarefy.errors import InputError, require
from rarefy.eval.interchange.vectors import Vectors, check_names, impacts
from rarefy.files import output_file

__all__ = ["read", "write"]

_VERSION = 1

# Message -> its fields in the order of their numbers, from 1: the CommonIndexFileFormat.proto.
_MESSAGES = {
    "Header": (
        "int32 version",
        "int32 num_postings_lists",
        "int32 num_docs",
        "int32 total_postings_lists",
        "int32 total_docs",
        "int64 total_terms_in_collection",
        "double average_doclength",
        "string description",
    ),
    "Posting": ("int32 docid", "int32 tf"),  # the docid as the gap to the one before
    "PostingsList": ("string term", "int64 df", "int64 cf", "Posting postings"),
    "DocRecord": ("int32 docid", "string collection_docid", "int32 doclength"),
}


def read(path: Path) -> Vectors:
    """Read an index; columns are its terms in the order of the file."""
    types = _types()
    rows, columns, values = [], [], []
    terms, ids = [], {}
    with _open(path, "rb") as stream:
        (header,) = _messages(path, stream, types.Header, 1)
        for column, found in enumerate(
            _messages(path, stream, types.PostingsList, header.num_postings_lists)
        ):
            terms.append(found.term)
            documents = list(accumulate(posting.docid for posting in found.postings))
            rows.append(np.array(documents, np.int64))
            columns.append(np.full(len(documents), column, np.int32))
            values.append(np.array([posting.tf for posting in found.postings], np.float32))
        for record in _messages(path, stream, types.DocRecord, header.num_docs):
            ids[record.docid] = record.collection_docid
        if stream.read(1):
            raise InputError(f"{path} goes on after its {header.num_docs} documents: damaged?")
    numbers = sorted(ids)  # of documents; a part of an index may leave some out
    names = [ids[number] for number in numbers]
    check_names(path, "document ids", names, header.num_docs)
    check_names(path, "terms", terms, header.num_postings_lists)
    postings = np.concatenate([np.empty(0, np.int64), *rows])
    where = np.searchsorted(numbers, postings)
    known = where < len(numbers)
    known[known] = np.asarray(numbers, np.int64)[where[known]] == postings[known]
    if not known.all():
        raise InputError(
            f"{path}: a posting names document {postings[~known][0]}, which has no record; the "
            "file is damaged"
        )
    matrix = csr_array(
        coo_array(
            (
                np.concatenate([np.empty(0, np.float32), *values]),
                (where, np.concatenate([np.empty(0, np.int32), *columns])),
            ),
            shape=(len(names), len(terms)),
        )
    )
    matrix.sort_indices()
    return Vectors(names, matrix, terms)


def write(path: Path, vectors: Vectors, scale: float | None) -> None:
    """Write an index of the weights times `scale`, its terms in the order of their code points."""
    types = _types()
    proto = require("google.protobuf.proto", "eval")
    whole = impacts(path, vectors.matrix, scale)
    lengths = whole.sum(axis=1, dtype=np.int64)
    if lengths.max(initial=0) > np.iinfo(np.int32).max:
        raise InputError(f"{path}: a document's impacts add up to {lengths.max()}: lower the scale")
    by_term = whole.tocsc()
    used = np.flatnonzero(np.diff(by_term.indptr)).tolist()
    used.sort(key=lambda column: vectors.terms[column])
    header = types.Header(
        version=_VERSION,
        num_postings_lists=len(used),
        num_docs=len(vectors.ids),
        total_postings_lists=len(used),
        total_docs=len(vectors.ids),
        total_terms_in_collection=int(lengths.sum()),
        average_doclength=float(lengths.mean()) if len(lengths) else 0.0,
        description=f"rarefy; weights times {scale:g}, rounded",
    )
    with _open(output_file(path), "wb") as stream:
        proto.serialize_length_prefixed(header, stream)
        for column in used:
            start, end = by_term.indptr[column : column + 2]
            gaps = np.diff(by_term.indices[start:end], prepend=0).tolist()
            weights = by_term.data[start:end].tolist()
            postings = types.PostingsList(
                term=vectors.terms[column],
                df=len(weights),
                cf=sum(weights),
                postings=[types.Posting(docid=g, tf=w) for g, w in zip(gaps, weights, strict=True)],
            )
            proto.serialize_length_prefixed(postings, stream)
        for row, (key, length) in enumerate(zip(vectors.ids, lengths.tolist(), strict=True)):
            record = types.DocRecord(docid=row, collection_docid=key, doclength=length)
            proto.serialize_length_prefixed(record, stream)


def _open(path: Path, mode: str) -> IO[Any]:
    try:
        return cast(IO[Any], (gzip.open if path.suffix == ".gz" else open)(path, mode))
    except OSError as error:
        raise InputError(f"{path} cannot be opened: {error.strerror}; check the path") from error


def _messages(path: Path, stream: IO[Any], kind: Any, count: int) -> Iterator[Any]:
    proto = require("google.protobuf.proto", "eval")
    for number in range(count):
        try:
            message = proto.parse_length_prefixed(kind, stream)
        except Exception as error:  # of the library's decoder, which has several, or of gzip
            raise InputError(
                f"{path}: {kind.DESCRIPTOR.name} {number + 1} cannot be read ({error}); expected a "
                "whole file in the Common Index File Format"
            ) from error
        if message is None:
            raise InputError(
                f"{path} ends before {kind.DESCRIPTOR.name} {number + 1} of {count}; expected a "
                "whole file in the Common Index File Format"
            )
        yield message


@cache
def _types() -> SimpleNamespace:
    """Return the classes of the messages, from a pool of their own."""
    require("google.protobuf.proto", "eval")
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(
        name="ciff.proto", package="io.osirrc.ciff", syntax="proto3"
    )
    for message, fields in _MESSAGES.items():
        described = file.message_type.add(name=message)
        for number, (kind, name) in enumerate(map(str.split, fields), 1):
            added = described.field.add(name=name, number=number, label=field.LABEL_OPTIONAL)
            if kind in _MESSAGES:
                added.type, added.label = field.TYPE_MESSAGE, field.LABEL_REPEATED
                added.type_name = f".{file.package}.{kind}"
            else:
                added.type = getattr(field, f"TYPE_{kind.upper()}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return SimpleNamespace(
        **{
            name: message_factory.GetMessageClass(
                pool.FindMessageTypeByName(f"{file.package}.{name}")
            )
            for name in _MESSAGES
        }
    )

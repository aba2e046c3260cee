"""A text's own words and what its dense vector adds, in one sparse vector.

The columns are the word-pieces of the encoder's tokenizer, with BM25's weights, then the latent
entries of a head over the dense vector. Both parts of a query have unit length, a document's
latent part has scores near the dense ones, and the words count `lexical_weight` times: a dot
product is then a weighted sum of the normalised BM25 score and the dense similarity, as a fusion
of two engines would compute it, from one index.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse

from rarefy.errors import InputError
from rarefy.sparse.encoders.dense import DenseEncoder, Precision
from rarefy.sparse.folding import folded_pieces
from rarefy.sparse.heads.signed_rotation import SignedRotation
from rarefy.sparse.lexical import BM25
from rarefy.sparse.model import Role
from rarefy.sparse.texts import Advance, checked
from rarefy.sparse.vocabulary import Vocabulary

__all__ = ["UnionEncoder"]

_FORMAT = 1
_QUERY_ENTRIES, _DOCUMENT_ENTRIES = 96, 120  # latent ones at most
_SETTINGS = "union.json"
_TABLES = "union.npz"


class UnionEncoder:
    """Lexical weights and a latent head in one sparse vector.

    Parameters
    ----------
    dense
        What gives dense vectors, and caches them.
    head
        What gives the latent entries. A query's are cut to what its words leave of
        `query_entries`.
    fold : int [V]
        The column that stands for each word-piece, or -1: see :mod:`rarefy.sparse.folding`.
    documents, average_length, document_frequencies : int, float, int64 [V]
        BM25's statistics of general text: what weights rest on until :meth:`fit`.
    lexical_weight
        How much the words count beside the latent entries.
    query_entries
        Non-zeros of a query at most.
    document_words
        Words of a document at most: those of the greatest weight times IDF.

    Raises
    ------
    InputError
        If a number is out of range, or the parts are of different sizes.
    """

    def __init__(
        self,
        dense: DenseEncoder,
        head: SignedRotation,
        *,
        fold: NDArray[np.integer],
        documents: int,
        average_length: float,
        document_frequencies: NDArray[np.integer],
        lexical_weight: float = 0.45,
        query_entries: int = 96,
        document_words: int = 136,
    ) -> None:
        if head.in_features != dense.dimension:
            raise InputError(
                f"the head takes vectors of length {head.in_features}; {dense.name} gives "
                f"vectors of length {dense.dimension}"
            )
        if not (lexical_weight > 0 and query_entries >= 1 and document_words >= 1):
            raise InputError(
                f"lexical_weight={lexical_weight}, query_entries={query_entries}, "
                f"document_words={document_words}; expected numbers above 0"
            )
        self.dense = dense
        self.head = head
        self.name = dense.name
        self.lexical_weight = lexical_weight
        self.query_entries = query_entries
        self.document_words = document_words
        self._fold = np.asarray(fold)
        analyzer = folded_pieces(dense.pipeline.tokenizer, self._fold)
        self._bm25 = BM25.from_statistics(analyzer, documents, average_length, document_frequencies)

    @classmethod
    def from_tables(cls, dense: DenseEncoder, tables: Mapping[str, Any]) -> UnionEncoder:
        """Make an encoder of what :func:`rarefy.sparse.encoders.union_tables.union_tables` learnt.

        Parameters
        ----------
        dense
            The encoder whose text was measured.
        tables
            What that function returned, or a file of it.
        """
        tables = dict(tables)
        rows, mean = (torch.from_numpy(tables.pop(name)).float() for name in ("rows", "mean"))
        head = SignedRotation(
            dense.dimension,
            len(rows) // dense.dimension,
            query_terms=_QUERY_ENTRIES,
            document_terms=_DOCUMENT_ENTRIES,
        )
        head.load_state_dict({"rows": rows, "query_mean": mean, "document_mean": mean})
        return cls(dense, head.to(dense.pipeline.device).eval(), **tables)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The tokenizer's terms, then ``latent:0``, ``latent:1``, ..."""
        words = self.dense.vocabulary
        latent = (f"latent:{number}" for number in range(self.head.vocabulary_size))
        return Vocabulary([*words.terms, *latent], words.special)

    @property
    def fingerprint(self) -> str:
        """Hexadecimal digest that changes when the vectors of some text would."""
        digest = hashlib.sha256(json.dumps(self._settings()).encode())
        digest.update(f"{self.dense.fingerprint} {self._bm25.fingerprint}".encode())
        digest.update(self._fold.tobytes())
        for name, tensor in self.head.state_dict().items():
            digest.update(name.encode() + tensor.cpu().numpy().tobytes())
        return digest.hexdigest()

    @property
    def computed(self) -> int:
        """Texts encoded so far, without those whose dense vectors the cache held."""
        return self.dense.computed

    @property
    def pipeline(self) -> Any:
        """Not there: sentence-transformers cuts a text before it counts words.

        Raises
        ------
        InputError
            Always.
        """
        raise InputError(
            "a model of words and latent entries is no pipeline of sentence-transformers: save it, "
            "and load it with rarefy.load"
        )

    def fit(self, texts: Iterable[str], *, progress: bool = False) -> None:
        """Take BM25's statistics and the mean vector from the documents of a collection."""
        documents = checked(texts)
        self.head.fit(self.dense, documents, progress=progress)
        self._bm25.fit(documents)

    def encode_distinct(
        self, texts: list[str], role: Role, batch_size: int | None, advance: Advance
    ) -> sparse.csr_array:
        """Encode texts that are known to be distinct; float32 [n, V]."""
        vectors = self.dense.encode_distinct(texts, role, batch_size, advance)
        latent = self.head.project(vectors, role)
        if role == "query":
            words = self._bm25.encode_queries(texts)
            words = _unit(_heaviest(words, np.full(len(texts), self.query_entries), words.data))
            latent = _unit(
                _heaviest(latent, self.query_entries - np.diff(words.indptr), latent.data)
            )
        else:
            words = self._bm25.encode_documents(texts)
            worth = words.data * self._bm25.idf[words.indices]
            words = _heaviest(words, np.full(len(texts), self.document_words), worth)
            words.data *= np.float32(self.lexical_weight)
        rows = sparse.csr_array(sparse.hstack([words, latent], format="csr"))
        rows.sort_indices()
        return rows

    def save(self, folder: Path) -> None:
        """Write the parts to a folder that exists."""
        self.dense.pipeline.save(str(folder / "dense"), create_model_card=False)
        (folder / "head").mkdir(exist_ok=True)
        self.head.save(str(folder / "head"))
        np.savez(folder / _TABLES, fold=self._fold, **self._bm25.statistics())
        # Last: a folder is a model once its settings are there.
        (folder / _SETTINGS).write_text(json.dumps(self._settings(), indent=1), encoding="utf-8")

    @classmethod
    def load(
        cls, folder: Path, *, device: str, cache: bool | str | Path, dtype: Precision
    ) -> UnionEncoder:
        """Read what :meth:`save` wrote.

        Raises
        ------
        InputError
            If the folder is damaged.
        """
        try:
            settings = json.loads((folder / _SETTINGS).read_text(encoding="utf-8"))
            if settings.pop("format_version") != _FORMAT:
                raise ValueError(f"its format_version is not {_FORMAT}")
            with np.load(folder / _TABLES, allow_pickle=False) as file:
                tables = dict(file)
            dense = DenseEncoder(folder / "dense", device=device, cache=cache, dtype=dtype)
            head = SignedRotation.load(str(folder / "head"), local_files_only=True).eval()
            return cls(
                dense,
                head.to(dense.pipeline.device),
                fold=tables["fold"],
                documents=int(tables["documents"]),
                average_length=float(tables["average_length"]),
                document_frequencies=tables["document_frequencies"],
                **settings,
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{folder} is no model ({error}): expected a folder that SparseModel.save wrote"
            ) from error

    @staticmethod
    def is_saved_at(folder: Path) -> bool:
        """Whether the folder holds what :meth:`save` wrote."""
        return (folder / _SETTINGS).is_file()

    def _settings(self) -> dict[str, Any]:
        return {
            "format_version": _FORMAT,
            "lexical_weight": self.lexical_weight,
            "query_entries": self.query_entries,
            "document_words": self.document_words,
        }


def _heaviest(
    rows: sparse.csr_array, limits: NDArray[np.integer], worth: NDArray[np.floating]
) -> sparse.csr_array:
    """Keep the entries of each row that are worth most, up to its limit; ties by column."""
    places = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
    order = np.lexsort((rows.indices, -worth, places))
    rank = np.arange(rows.nnz) - rows.indptr[places]
    kept = np.sort(order[rank < limits[places]])
    starts = np.concatenate([[0], np.cumsum(np.bincount(places[kept], minlength=rows.shape[0]))])
    return sparse.csr_array((rows.data[kept], rows.indices[kept], starts), shape=rows.shape)


def _unit(rows: sparse.csr_array) -> sparse.csr_array:
    """Return the rows at unit length; rows of zeros stay so."""
    lengths = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
    rows.data /= np.repeat(lengths, np.diff(rows.indptr)).astype(np.float32)
    return rows

"""Several models side by side in one index: a learned one, BM25, and dense vectors.

The columns of the parts follow one another, so that a document is one row of one index: it is
added, replaced and deleted in all parts at once, and no part is ever behind another. A query has
the columns of the parts that are asked for. A weighted sum of their scores is one search too, exact
over all documents, where a fusion of several rankings sees no further than their ends.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from functools import cached_property
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from rarefy.errors import InputError
from rarefy.sparse.encoders.dense import DenseEncoder
from rarefy.sparse.folding import folded_pieces
from rarefy.sparse.lexical import BM25
from rarefy.sparse.model import Role, TermModel
from rarefy.sparse.shifted import ShiftedDense
from rarefy.sparse.sparse_model import SparseModel
from rarefy.sparse.texts import Advance, checked
from rarefy.sparse.vocabulary import Vocabulary

__all__ = ["Joined", "Mixed"]

BM25_PART, DENSE_PART = "bm25", "dense"


class Mixed(NamedTuple):
    """Queries as an index takes them.

    Attributes
    ----------
    rows : csr_array, float32 [n, V]
    shift : float64 [n]
        What scores are above what was asked for, the same for all documents of a query.
    """

    rows: Any
    shift: NDArray[np.float64]


class Joined(TermModel):
    """A model of several, each with columns of its own; the first decides unless others are named.

    Parameters
    ----------
    first
        The part ``"sparse"``.
    others
        The parts that follow it: ``"bm25"``, over the folded word-pieces of the first's tokenizer,
        and ``"dense"``, the vectors of the first's dense encoder, or of all-MiniLM-L6-v2 if it has
        none.
    tables
        ``fold``, ``documents``, ``average_length`` and ``document_frequencies`` of general text, as
        :class:`rarefy.sparse.encoders.folded_words.FoldedWords` takes them: what BM25 rests on
        until `fit`.
    name
        What the model is called in tables.
    dense_settings
        What a :class:`DenseEncoder` is made with, by name, where the first has none.

    Raises
    ------
    InputError
        If there are no such parts, or the tokenizer has other word-pieces than the tables.
    """

    def __init__(
        self,
        first: SparseModel,
        others: Iterable[str],
        tables: Mapping[str, Any],
        *,
        name: str,
        dense_settings: Mapping[str, Any],
    ) -> None:
        wanted = list(others)
        known = {BM25_PART, DENSE_PART}
        if not wanted or len({*wanted}) < len(wanted) or not {*wanted} <= known:
            raise InputError(f"{name} joins {wanted}; expected bm25, dense or both, once each")
        encoder: Any = first.encoder
        self.name = name
        self.first = first
        self.words: BM25 | None = None
        self.dense: ShiftedDense | None = None
        sizes = {"sparse": first.vocabulary_size}
        if BM25_PART in wanted:
            tokenizer = getattr(encoder, "dense", encoder).pipeline.tokenizer
            self._fold = tables["fold"]
            self._analyzer = folded_pieces(tokenizer, self._fold)
            numbers = ("documents", "average_length", "document_frequencies")
            self._set_words({name: tables[name] for name in numbers})
            sizes[BM25_PART] = len(self._fold)
        if DENSE_PART in wanted:
            own = getattr(encoder, "dense", None)
            dense = own if isinstance(own, DenseEncoder) else DenseEncoder(**dense_settings)
            dense.recalls = True
            self.dense = ShiftedDense(dense)
            sizes[DENSE_PART] = len(self.dense.terms)
        self.starts = dict(zip(sizes, accumulate(sizes.values(), initial=0), strict=False))
        """Part -> its first column, in their order."""
        self._fitted = False

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the parts, in the order of their columns."""
        return tuple(self.starts)

    @property
    def computed(self) -> int:
        """Texts encoded so far by the first part, without those whose vectors a cache held."""
        return self.first.computed

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The first part's terms, then those of the others as ``bm25:TERM`` and ``dense:0+``."""
        terms = list(self.first.vocabulary.terms)
        if self.words is not None:
            terms += [f"{BM25_PART}:{term}" for term in self.words.vocabulary.terms]
        if self.dense is not None:
            terms += [f"{DENSE_PART}:{term}" for term in self.dense.terms]
        return Vocabulary(terms, self.first.vocabulary.special)

    @property
    def named_columns(self) -> int:
        """How many columns, from the first, mean something of their own: all but the dense ones."""
        return self.starts.get(DENSE_PART, self.vocabulary_size)

    @property
    def fingerprint(self) -> str:
        """Hexadecimal digest that changes when the vectors of some text would."""
        others = [part.fingerprint for part in (self.words, self.dense) if part is not None]
        return hashlib.sha256("\n".join([self.first.fingerprint, *others]).encode()).hexdigest()

    @property
    def pictured(self) -> frozenset[Role]:
        """As the first part; see :attr:`TermModel.pictured`."""
        return self.first.pictured

    @property
    def fitted(self) -> bool:
        """Whether its statistics are of a collection, not of general text."""
        return self._fitted

    def fit(self, texts: Iterable[str], *, progress: bool = False) -> Self:
        """Take what the parts can take from the documents of a collection."""
        documents = checked(texts)
        if not self.first.fitted:
            self.first.fit(documents, progress=progress)
        if self.words is not None:
            self.words.fit(documents, progress=progress)
        self._fitted = True
        return self

    def statistics(self) -> dict[str, Any]:
        """Return what `fit` has learnt, as `restore` takes it; empty before it."""
        if not self._fitted:
            return {}
        words = {} if self.words is None else self.words.statistics()
        return {
            **self.first.statistics(),
            **{f"{BM25_PART}.{name}": table for name, table in words.items()},
        }

    def restore(self, statistics: Mapping[str, NDArray[Any]]) -> Self:
        """Take what `statistics` returned, in place of `fit`.

        Raises
        ------
        InputError
            If they are not of such a model.
        """
        own = {name: table for name, table in statistics.items() if "." not in name}
        words = {name.partition(".")[2]: statistics[name] for name in statistics.keys() - own}
        if own:
            self.first.restore(own)
        try:
            if self.words is not None:
                self._set_words(words)
        except (TypeError, InputError) as error:
            raise InputError(f"the statistics are not of {self.name}: {error}") from error
        self._fitted = True
        return self

    def encode_parts(self, texts: Iterable[str]) -> sparse.csr_array:
        """Encode queries for all parts; float32 [n, V], of which `mixed` makes what is searched."""
        queries = checked(texts)
        rows = [self.first.encode_queries(queries)]
        if self.words is not None:
            rows.append(self.words.encode_queries(queries))
        if self.dense is not None:
            rows.append(self.dense.encode_distinct(queries, "query", None, _ignored))
        return sparse.csr_array(sparse.hstack(rows, format="csr"))

    def mixed(self, rows: Any, weights: Mapping[str, NDArray[np.float64] | float]) -> Mixed:
        """Weigh the parts of queries.

        Parameters
        ----------
        rows : sparse [n, V], or [V]
            What `encode_parts` returned.
        weights
            Part to its weight, one for all queries or float64 [n]; those that are missing have 0.
            Scores are then the weighted sums of the parts' scores.
        """
        rows = sparse.csr_array(rows.reshape(1, -1) if rows.ndim == 1 else rows)
        factors = np.zeros((rows.shape[0], len(self.parts)))
        for place, part in enumerate(self.parts):
            factors[:, place] = weights.get(part, 0.0)
        queries = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
        places = np.searchsorted(list(self.starts.values()), rows.indices, side="right") - 1
        data = (rows.data * factors[queries, places]).astype(np.float32)
        kept = data != 0
        indptr = np.concatenate([[0], np.cumsum(kept)])[rows.indptr]
        weighed = sparse.csr_array((data[kept], rows.indices[kept], indptr), shape=rows.shape)
        shift = np.zeros(rows.shape[0])
        if self.dense is not None:
            first = self.starts[DENSE_PART]
            for query, (start, end) in enumerate(pairwise(indptr)):
                row = slice(start, end)
                shift[query] = self.dense.shift(weighed.data[row][weighed.indices[row] >= first])
        return Mixed(weighed, shift)

    def spans(self, text: str) -> list[tuple[int, int, int]]:
        """Return where a text has terms, with the columns of the first part and of BM25."""
        found = self.first.spans(text)
        if self.words is not None:
            first = self.starts[BM25_PART]
            pieces = [place for place in found if place[2] < len(self._fold)]
            found = found + [(a, b, first + int(self._fold[column])) for a, b, column in pieces]
        return found

    def save(self, folder: str | Path) -> None:
        """Write the first part: the others come with its name, as in ``FOLDER+bm25``."""
        self.first.save(folder)

    def _set_words(self, statistics: Mapping[str, Any]) -> None:
        self.words = BM25.from_statistics(self._analyzer, **statistics)

    def _encode(
        self, texts: list[str], role: Role, batch_size: int | None, advance: Advance
    ) -> sparse.csr_array:
        rows = [self.first._encode(texts, role, batch_size, advance)]
        if role == "query":  # the columns of the others stay empty
            rows.append(sparse.csr_array((len(texts), self.vocabulary_size - rows[0].shape[1])))
        else:
            if self.words is not None:
                rows.append(self.words._encode(texts, role, batch_size, _ignored))
            if self.dense is not None:
                rows.append(self.dense.encode_distinct(texts, role, batch_size, _ignored))
        joined = sparse.csr_array(sparse.hstack(rows, format="csr"), dtype=np.float32)
        joined.sort_indices()
        return joined


def _ignored(count: int) -> None:
    """Show no progress: the first part does."""

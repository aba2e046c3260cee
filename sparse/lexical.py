"""BM25 as a sparse encoder, so that one index serves lexical and learned vectors."""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Iterable, Sized
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from rarefy.errors import InputError
from rarefy.files import output_folder
from rarefy.sparse import analysis
from rarefy.sparse.model import Role, TermModel
from rarefy.sparse.texts import Advance, checked_blocks, progress_bar
from rarefy.sparse.vocabulary import Vocabulary

__all__ = ["BM25"]

_FORMAT = 1
_SETTINGS = "bm25.json"
_TERMS = "vocabulary.json"
_FREQUENCIES = "document_frequencies.npy"
_TOKENIZER = "tokenizer.json"

_DROPPED = -1  # not a term: no part of a text's length
_UNKNOWN = -2  # a term outside the vocabulary: part of the length, but without a column

_BLOCK = 8192


class _Statistics(NamedTuple):
    """What fitting learns from a collection."""

    documents: int
    average_length: float
    document_frequencies: NDArray[np.int64]  # [V]


class BM25(TermModel):
    """BM25 over an inverted index: document weights times query weights.

    ``score(q, d) = sum_t qtf(t) idf(t) * tf(t, d) / (tf(t, d) + k1 (1 - b + b len(d) / avglen))``
    with ``idf(t) = ln(1 + (N - df + 0.5) / (df + 0.5))``, as in Lucene: Robertson and Zaragoza,
    "The Probabilistic Relevance Framework: BM25 and Beyond", 2009, without the constant factor
    ``k1 + 1``, which changes no ranking. Queries hold ``qtf idf``, documents the rest. Lengths are
    exact, where Lucene rounds them to a byte.

    Parameters
    ----------
    analyzer
        ``"english"``, ``"words"``, ``"cjk"``, ``"whitespace"``, or a fast Hugging Face tokenizer,
        whose word-pieces are then the terms; see :func:`rarefy.sparse.analysis.analyzer`.
    k1
        How slowly repeated terms saturate; at least 0.
    b
        How much length counts, 0 to 1.

    Raises
    ------
    InputError
        If a parameter is out of range, or encoding is asked for before :meth:`fit`.
    """

    def __init__(self, analyzer: Any = "english", *, k1: float = 0.9, b: float = 0.4) -> None:
        if not (k1 >= 0 and np.isfinite(k1)):
            raise InputError(f"k1 is {k1}; expected a finite number of at least 0")
        if not 0 <= b <= 1:
            raise InputError(f"b is {b}; expected a number from 0 to 1")
        self.name = "bm25"
        self.k1 = float(k1)
        self.b = float(b)
        self._computed = 0
        self._analyzer = analysis.analyzer(analyzer)
        self._columns = _Columns(self._analyzer)
        self._vocabulary = self._analyzer.vocabulary or Vocabulary([])
        self._statistics: _Statistics | None = None

    def fit(self, texts: Iterable[str], *, progress: bool = False) -> Self:
        """Learn the terms and their document frequencies from a collection.

        Parameters
        ----------
        texts
            The documents of the collection. Fitting again forgets the collection before.
        progress
            Whether to show a progress bar on stderr.

        Returns
        -------
        BM25
            The model itself.
        """
        self._columns = _Columns(self._analyzer, grows=True)
        frequencies = np.zeros(0, dtype=np.int64)
        documents = length = 0
        with progress_bar(len(texts) if isinstance(texts, Sized) else None, progress) as advance:
            for block in checked_blocks(texts, _BLOCK):
                counts, lengths = self._count(block)
                seen = np.bincount(counts.indices, minlength=len(self._columns.terms))
                seen[: len(frequencies)] += frequencies
                frequencies = seen
                length += int(lengths.sum())
                documents += len(block)
                advance(len(block))
        if not documents:
            raise InputError("texts is empty; expected the documents of a collection")
        self._columns.freeze()
        self._vocabulary = self._analyzer.vocabulary or Vocabulary(list(self._columns.terms))
        self._statistics = _Statistics(documents, length / documents, frequencies)
        return self

    @classmethod
    def from_statistics(
        cls,
        analyzer: Any,
        documents: int,
        average_length: float,
        document_frequencies: NDArray[np.integer],
        **settings: float,
    ) -> BM25:
        """Make a model that knows a collection's statistics, not its texts.

        Parameters
        ----------
        analyzer
            One whose columns are known before any text is seen: a tokenizer, for example.
        documents, average_length, document_frequencies : int, float, int [V]
            What :meth:`statistics` gives.
        settings
            ``k1`` and ``b``.

        Raises
        ------
        InputError
            If the analyzer has no columns of its own, or another number of them.
        """
        model = cls(analyzer, **settings)
        if len(model.vocabulary) != len(document_frequencies):
            raise InputError(
                f"there are {len(document_frequencies)} document frequencies; expected one for "
                f"each of the analyzer's {len(model.vocabulary)} terms"
            )
        model._statistics = _Statistics(
            int(documents), float(average_length), np.asarray(document_frequencies, np.int64)
        )
        return model

    def statistics(self) -> dict[str, Any]:
        """Return what fitting has learnt, as :meth:`from_statistics` takes it."""
        return self._fitted()._asdict()

    @property
    def idf(self) -> NDArray[np.float64]:
        """Inverse document frequency of each term, float64 [V]."""
        statistics = self._fitted()
        df = statistics.document_frequencies
        return np.log1p((statistics.documents - df + 0.5) / (df + 0.5))

    @property
    def vocabulary(self) -> Vocabulary:
        """The terms of the columns, in the order in which fitting met them."""
        return self._vocabulary

    @property
    def computed(self) -> int:
        """Texts encoded so far."""
        return self._computed

    @property
    def fitted(self) -> bool:
        """Whether it knows a collection."""
        return self._statistics is not None

    @property
    def fingerprint(self) -> str:
        """Hexadecimal digest of the settings, the tokenizer, the terms and their statistics."""
        digest = hashlib.sha256(json.dumps(self._settings()).encode())
        digest.update((self._analyzer.tokenizer or "").encode())
        digest.update("\0".join(self.vocabulary.terms).encode())
        digest.update(self._fitted().document_frequencies.tobytes())
        return digest.hexdigest()

    def save(self, folder: str | Path) -> None:
        """Write the fitted model to a folder that :func:`rarefy.load` reads."""
        statistics = self._fitted()
        path = output_folder(folder)
        self.vocabulary.save(path / _TERMS)
        np.save(path / _FREQUENCIES, statistics.document_frequencies, allow_pickle=False)
        if self._analyzer.tokenizer is not None:
            (path / _TOKENIZER).write_text(self._analyzer.tokenizer, encoding="utf-8")
        # Last: a folder is a model once its settings are there.
        (path / _SETTINGS).write_text(json.dumps(self._settings(), indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: str | Path) -> BM25:
        """Read a model that :meth:`save` wrote.

        Raises
        ------
        InputError
            If the folder is not such a model.
        """
        path = Path(folder)
        try:
            settings = json.loads((path / _SETTINGS).read_text(encoding="utf-8"))
            if settings["format_version"] != _FORMAT:
                raise ValueError(f"format_version {settings['format_version']} is not {_FORMAT}")
            name = settings["analyzer"]
            pieces = name == "word-pieces"
            analyzer = analysis.read_tokenizer(path / _TOKENIZER) if pieces else name
            model = cls(analyzer, k1=settings["k1"], b=settings["b"])
            vocabulary = Vocabulary.load(path / _TERMS)
            frequencies = np.load(path / _FREQUENCIES, allow_pickle=False)
            if frequencies.shape != (len(vocabulary),) or frequencies.dtype != np.int64:
                raise ValueError(f"{_FREQUENCIES} does not have one int64 for each term")
            model._statistics = _Statistics(
                int(settings["documents"]), float(settings["average_length"]), frequencies
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{path} is not a BM25 model ({error}): expected a folder that BM25.save wrote"
            ) from error
        model._vocabulary = vocabulary
        model._columns = _Columns(model._analyzer, vocabulary.columns)
        return model

    @staticmethod
    def is_saved_at(folder: Path) -> bool:
        """Whether the folder holds a saved BM25 model."""
        return (folder / _SETTINGS).is_file()

    def spans(self, text: str) -> list[tuple[int, int, int]]:
        """Return where a text has terms of the collection; see :meth:`TermModel.spans`."""
        if self._analyzer.name not in analysis.OF_WORDS:
            return []
        found = [(*place, self._columns[word]) for *place, word in analysis.word_places(text)]
        return [(start, end, column) for start, end, column in found if column >= 0]

    def _settings(self) -> dict[str, Any]:
        statistics = self._fitted()
        return {
            "format_version": _FORMAT,
            "analyzer": self._analyzer.name,
            "k1": self.k1,
            "b": self.b,
            "documents": statistics.documents,
            "average_length": statistics.average_length,
        }

    def _fitted(self) -> _Statistics:
        if self._statistics is None:
            raise InputError("this BM25 model knows no collection yet: call fit(texts) first")
        return self._statistics

    def _encode(
        self, texts: list[str], role: Role, batch_size: int | None, advance: Advance
    ) -> sparse.csr_array:
        statistics = self._fitted()
        counts, lengths = self._count(texts)
        if role == "query":
            counts.data = (counts.data * self.idf[counts.indices]).astype(np.float32)
        else:
            relative = lengths / (statistics.average_length or 1.0)
            saturation = self.k1 * (1 - self.b + self.b * relative)
            per_term = np.repeat(saturation, np.diff(counts.indptr))
            counts.data = (counts.data / (counts.data + per_term)).astype(np.float32)
        self._computed += len(texts)
        advance(len(texts))
        return counts

    def _count(self, texts: list[str]) -> tuple[sparse.csr_array, NDArray[np.int64]]:
        """Count terms; float64 [n, V] with sorted columns, and the length of each text in terms."""
        column = self._columns.__getitem__
        flat = array("q")
        ends = array("q")
        for tokens in self._analyzer.split(texts):
            flat.extend(map(column, tokens))
            ends.append(len(flat))
        columns = np.frombuffer(flat, np.int64)
        starts = np.concatenate([[0], np.frombuffer(ends, np.int64)])
        rows = np.repeat(np.arange(len(texts)), starts[1:] - starts[:-1])
        lengths = np.bincount(rows[columns != _DROPPED], minlength=len(texts))
        known = columns >= 0
        shape = (len(texts), len(self._columns.terms))
        counts = sparse.csr_array(
            (np.ones(known.sum()), (rows[known], columns[known])), shape=shape
        )
        return counts, lengths


class _Columns(dict[str, int]):
    """Column of each token; what a token not met before stands for is decided here, once."""

    def __init__(
        self,
        analyzer: analysis.Analyzer,
        terms: dict[str, int] | None = None,
        grows: bool = False,
    ) -> None:
        super().__init__()
        fixed = analyzer.vocabulary.columns if analyzer.vocabulary else None
        self.terms = dict(fixed or terms or {})
        self._term = analyzer.term
        self._grows = grows and fixed is None

    def freeze(self) -> None:
        """Let terms that were not met so far stay without a column."""
        self._grows = False

    def __missing__(self, token: str) -> int:
        term = self._term(token)
        if term is None:
            column = _DROPPED
        elif self._grows:
            column = self.terms.setdefault(term, len(self.terms))
        else:
            column = self.terms.get(term, _UNKNOWN)
        self[token] = column
        return column

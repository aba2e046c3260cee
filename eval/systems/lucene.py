"""Lucene with Anserini's set-up: BM25 over texts, and impact search over learned weights.

Anserini builds the index and analyses queries; Lucene's own searcher answers them, for Anserini's
would fetch every document that it finds, which other engines are not asked for. Equal scores come
in the order of the index.

Impacts are whole numbers, so weights are rounded to 255 steps up to the largest one, those of
documents and those of queries each on their own scale.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from rarefy.errors import RarefyError, require
from rarefy.eval.collections.collection import Collection
from rarefy.eval.efficiency import one_core
from rarefy.eval.systems.encoding import Encoded
from rarefy.eval.systems.java import java
from rarefy.eval.systems.system import Costs, Kind, Ranked, SparseVectors

__all__ = ["LuceneSystem"]

_STEPS = 255
_FIELDS = ("-generator", "DefaultLuceneDocumentGenerator", "-threads", "1", "-optimize")
_QUERIES = "io.anserini.search.query.BagOfWordsQueryGenerator"
_CLAUSES = 65536  # the most terms of a query
# Languages that Anserini has an analyzer for; texts in others are split at white space.
_LANGUAGES = re.compile("ar|bn|da|de|en|es|fa|fi|fr|hi|hu|it|ja|ko|nl|no|pt|ru|sv|te|th|tr|zh")


@dataclass(frozen=True)
class LuceneSystem:
    """A Lucene index in a temporary folder: see `rarefy.eval.systems.system.System`."""

    name: str
    kind: Kind
    description: str
    costs: Costs
    vectors: SparseVectors | None
    settings: dict[str, Any]
    exact: str | None
    parts: tuple[str, ...] = field(default=(), init=False)
    folder: TemporaryDirectory[str] = field(repr=False)
    similarity: Any = field(repr=False)
    query: Callable[[Any], Any] = field(repr=False)
    queries: Sequence[Any] = field(repr=False)

    @classmethod
    def from_texts(
        cls, name: str, collection: Collection, *, k1: float = 0.9, b: float = 0.4
    ) -> LuceneSystem:
        """Index a collection's texts for BM25, analysed as Anserini does for their language.

        Parameters
        ----------
        name
            Its name in tables.
        collection
            The documents and queries.
        k1, b
            BM25's parameters; the defaults are Anserini's.

        Raises
        ------
        MissingExtraError
            If Lucene's packages are not installed.
        """
        language = collection.language if _LANGUAGES.fullmatch(collection.language) else None
        autoclass = java()
        lines = (
            {"id": str(row), "contents": text} for row, text in enumerate(collection.documents)
        )
        analysis = ("-pretokenized",) if language is None else ("-language", language)
        folder, build_s = _index(lines, ("-collection", "JsonCollection", *analysis))
        if language is None:
            analyzer = autoclass("org.apache.lucene.analysis.core.WhitespaceAnalyzer")()
        else:
            anserini = autoclass("io.anserini.search.SimpleSearcher")(f"{folder.name}/index")
            if language != "en":
                anserini.set_language(language)
            analyzer = anserini.get_analyzer()
        words = autoclass(_QUERIES)()
        return cls(
            name,
            "lexical",
            f"Lucene BM25, k1={k1:g}, b={b:g}; analysed as {language or 'white space'}",
            Costs(None, None, build_s, _bytes(folder.name)),
            None,
            {"k1": k1, "b": b},
            None,
            folder,
            autoclass("org.apache.lucene.search.similarities.BM25Similarity")(k1, b),
            lambda text: words.buildQuery("contents", analyzer, text),
            list(collection.queries),
        )

    @classmethod
    def from_encoded(
        cls, name: str, encoded: Encoded, settings: dict[str, Any], *, exact: str
    ) -> LuceneSystem:
        """Index a collection's vectors as impacts.

        Parameters
        ----------
        name
            Its name in tables.
        encoded
            The vectors, and what making them cost.
        settings
            What is told of the vectors, such as how many terms were kept.
        exact
            Name of the system that searches the same vectors unrounded.

        Raises
        ------
        MissingExtraError
            If Lucene's packages are not installed.
        """
        autoclass = java()
        boxed, table = autoclass("java.lang.Float"), autoclass("java.util.HashMap")
        words = autoclass(_QUERIES)()
        queries = []
        for columns, impacts in _impacts(encoded.vectors.queries):
            query = table()
            for column, impact in zip(columns, impacts, strict=True):
                query.put(str(column), boxed(impact))
            queries.append(words.buildQuery("contents", query))
        lines = (
            {
                "id": str(row),
                "contents": "",
                "vector": {str(c): i for c, i in zip(columns, impacts, strict=True)},
            }
            for row, (columns, impacts) in enumerate(_impacts(encoded.vectors.documents))
        )
        folder, build_s = _index(
            lines, ("-collection", "JsonVectorCollection", "-impact", "-pretokenized")
        )

        return cls(
            name,
            encoded.kind,
            f"{encoded.description}; Lucene, 8-bit impacts",
            Costs(encoded.docs_per_s, encoded.queries_per_s, build_s, _bytes(folder.name)),
            encoded.vectors,
            settings,
            exact,
            folder,
            autoclass("io.anserini.search.similarity.ImpactSimilarity")(),
            lambda query: query,
            queries,
        )

    def search(self, k: int, *, threads: int = 1, first: int | None = None) -> Ranked:
        """Rank at most `k` documents for every query, or for the `first` so many."""
        queries = range(len(self.queries[:first]))
        rows = np.full((len(queries), k), -1, dtype=np.int64)
        scores = np.full((len(queries), k), -np.inf, dtype=np.float32)

        def answer(part: range) -> None:
            try:
                for query in part:
                    found = self.search_one(query, k)
                    rows[query, : len(found.rows)], scores[query, : len(found.rows)] = found
            finally:
                require("jnius", "lucene").detach()  # the virtual machine would keep the thread

        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(answer, (queries[start::threads] for start in range(threads))))
        return Ranked(rows, scores)

    def search_one(self, query: int, k: int) -> Ranked:
        """Rank at most `k` documents for the query in row `query`."""
        top = self._searcher.search(self.query(self.queries[query]), k)
        # Through JSON, for each call into Java takes as long as reading many hits from it.
        hits = json.loads(self._mapper.writeValueAsString(top))["scoreDocs"]
        found = np.array([hit["doc"] for hit in hits], dtype=np.int64)
        return Ranked(self._rows[found], np.array([hit["score"] for hit in hits], np.float32))

    def store(self, folder: Path) -> Callable[[], object]:
        """Copy the index into a folder, and return what opens it and answers one query."""
        shutil.copytree(f"{self.folder.name}/index", folder / "index")
        query = self.queries[0]
        return lambda: self._opened(str(folder / "index")).search(self.query(query), 10)

    def _opened(self, folder: str) -> Any:
        searcher = java()("org.apache.lucene.search.IndexSearcher")(_reader(folder))
        searcher.setSimilarity(self.similarity)
        return searcher

    @cached_property
    def _searcher(self) -> Any:
        return self._opened(f"{self.folder.name}/index")

    @cached_property
    def _mapper(self) -> Any:
        return java()("com.fasterxml.jackson.databind.ObjectMapper")()

    @cached_property
    def _rows(self) -> npt.NDArray[np.int64]:
        """Row of the collection for each document of the index: merging may change their order."""
        autoclass = java()
        count = self._searcher.getIndexReader().maxDoc()
        every = self._searcher.search(
            autoclass("org.apache.lucene.search.MatchAllDocsQuery")(), count
        )
        told = autoclass("io.anserini.search.ScoredDocs").fromTopDocs(every, self._searcher)
        rows = np.empty(count, dtype=np.int64)
        rows[told.lucene_docids] = [int(row) for row in told.docids]
        return rows


def _impacts(matrix: csr_array) -> Iterator[tuple[list[int], list[int]]]:
    """Yield the columns and the impacts of each row, those that round to 0 left out."""
    largest = float(matrix.data.max()) if matrix.nnz else 1.0
    impacts: npt.NDArray[np.int64] = np.rint(matrix.data * (_STEPS / largest)).astype(np.int64)
    for start, end in zip(matrix.indptr[:-1], matrix.indptr[1:], strict=True):
        kept = np.flatnonzero(impacts[start:end]) + start
        yield matrix.indices[kept].tolist(), impacts[kept].tolist()


def _index(
    lines: Iterator[dict[str, Any]], options: Sequence[str]
) -> tuple[TemporaryDirectory[str], float]:
    """Build an index; return its folder, where it is in ``index``, and the seconds it took."""
    autoclass = java()
    autoclass("org.apache.lucene.search.IndexSearcher").setMaxClauseCount(_CLAUSES)
    folder = TemporaryDirectory(prefix="rarefy-lucene-")
    texts = Path(folder.name, "texts")
    texts.mkdir()
    count = 0
    with (texts / "documents.jsonl").open("w", encoding="utf-8") as file:
        for line in lines:
            file.write(json.dumps(line) + "\n")
            count += 1
    target = f"{folder.name}/index"
    with one_core():
        start = perf_counter()
        autoclass("io.anserini.index.IndexCollection").main(
            [*options, *_FIELDS, "-input", str(texts), "-index", target]
        )
        build_s = perf_counter() - start
    shutil.rmtree(texts)
    found = _reader(target).numDocs()
    if not 0 < found <= count:
        raise RarefyError(f"Lucene indexed {found} of {count} documents; its log says why")
    return folder, build_s


def _reader(folder: str) -> Any:
    return java()("io.anserini.index.IndexReaderUtils").getReader(folder)


def _bytes(folder: str) -> int:
    return sum(path.stat().st_size for path in Path(folder, "index").iterdir())

"""Lucene through Anserini: BM25 over texts, and impact search over learned weights.

Impacts are whole numbers, so weights are rounded to 255 steps up to the largest one, those of
documents and those of queries each on their own scale.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from rarefy.errors import RarefyError
from rarefy.eval.collections.collection import Collection
from rarefy.eval.efficiency import one_core
from rarefy.eval.systems.encoding import Encoded
from rarefy.eval.systems.java import java
from rarefy.eval.systems.system import Costs, Kind, Ranked, SparseVectors

__all__ = ["LuceneSystem"]

_STEPS = 255
_BATCH = 64  # queries whose rankings are in memory as JSON
_FIELDS = ("-generator", "DefaultLuceneDocumentGenerator", "-threads", "1", "-optimize")
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
    open: Callable[[str], Any] = field(repr=False)
    searcher: Any = field(repr=False)
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

        def open_index(folder: str) -> Any:
            searcher = java()("io.anserini.search.SimpleSearcher")(folder)
            searcher.set_bm25(k1, b)
            if language is None:
                whitespace = java()("org.apache.lucene.analysis.core.WhitespaceAnalyzer")
                searcher.set_analyzer(whitespace())
            elif language != "en":
                searcher.set_language(language)
            return searcher

        lines = (
            {"id": str(row), "contents": text} for row, text in enumerate(collection.documents)
        )
        analysis = ("-pretokenized",) if language is None else ("-language", language)
        folder, build_s = _index(lines, ("-collection", "JsonCollection", *analysis))
        return cls(
            name,
            "lexical",
            f"Lucene BM25, k1={k1:g}, b={b:g}; analysed as {language or 'white space'}",
            Costs(None, None, build_s, _bytes(folder.name)),
            None,
            {"k1": k1, "b": b},
            None,
            folder,
            open_index,
            open_index(f"{folder.name}/index"),
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
        boxed, table = autoclass("java.lang.Integer"), autoclass("java.util.HashMap")
        queries = []
        for columns, impacts in _impacts(encoded.vectors.queries):
            query = table()
            for column, impact in zip(columns, impacts, strict=True):
                query.put(str(column), boxed(impact))
            queries.append(query)
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

        def open_index(folder: str) -> Any:
            return java()("io.anserini.search.SimpleImpactSearcher")(folder)

        return cls(
            name,
            encoded.kind,
            f"{encoded.description}; Lucene, 8-bit impacts",
            Costs(encoded.docs_per_s, encoded.queries_per_s, build_s, _bytes(folder.name)),
            encoded.vectors,
            settings,
            exact,
            folder,
            open_index,
            open_index(f"{folder.name}/index"),
            queries,
        )

    def search(self, k: int, *, threads: int = 1, first: int | None = None) -> Ranked:
        """Rank at most `k` documents for every query, or for the `first` so many."""
        queries = self.queries[:first]
        rows = np.full((len(queries), k), -1, dtype=np.int64)
        scores = np.full((len(queries), k), -np.inf, dtype=np.float32)
        for query, hits in self._batches(queries, k, threads):
            rows[query, : len(hits)] = [int(hit["docid"]) for hit in hits]
            scores[query, : len(hits)] = [hit["score"] for hit in hits]
        return Ranked(rows, scores)

    def search_one(self, query: int, k: int) -> Ranked:
        """Rank at most `k` documents for the query in row `query`."""
        hits = self.searcher.search(self.queries[query], k)
        rows = np.array([int(hit.docid) for hit in hits], dtype=np.int64)
        return Ranked(rows, np.array([hit.score for hit in hits], dtype=np.float32))

    def store(self, folder: Path) -> Callable[[], object]:
        """Copy the index into a folder, and return what opens it and answers one query."""
        shutil.copytree(f"{self.folder.name}/index", folder / "index")
        return lambda: self.open(str(folder / "index")).search(self.queries[0], 10)

    def _batches(
        self, queries: Sequence[str], k: int, threads: int
    ) -> Iterator[tuple[int, list[dict[str, Any]]]]:
        """Yield queries with their hits; a batch comes out of Java as one string of JSON."""
        autoclass = java()
        mapper = autoclass("com.fasterxml.jackson.databind.ObjectMapper")()
        stored = autoclass("java.lang.Class").forName("org.apache.lucene.document.Document")
        mapper.configOverride(stored).setIsIgnoredType(autoclass("java.lang.Boolean")(True))
        for start in range(0, len(queries), _BATCH):
            texts, numbers = (autoclass("java.util.ArrayList")() for _ in range(2))
            for query in range(start, min(start + _BATCH, len(queries))):
                texts.add(queries[query])
                numbers.add(str(query))
            found = json.loads(
                mapper.writeValueAsString(self.searcher.batch_search(texts, numbers, k, threads))
            )
            for query, hits in found.items():
                yield int(query), hits


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
    found = autoclass("io.anserini.index.IndexReaderUtils").getReader(target).numDocs()
    if not 0 < found <= count:
        raise RarefyError(f"Lucene indexed {found} of {count} documents; its log says why")
    return folder, build_s


def _bytes(folder: str) -> int:
    return sum(path.stat().st_size for path in Path(folder, "index").iterdir())

"""A collection that needs no download: what the installed Python documents about itself.

Each public function and class of NumPy, SciPy and a part of the standard library gives a query,
the summary of its docstring, and a document, its qualified name with the rest of the docstring.
Docstrings that are nearly the same (``numpy.fft.fft`` and ``scipy.fft.fft``) are one document with
several queries, and objects with the same summary are one query with several relevant documents.
"""

from __future__ import annotations

import importlib
import inspect
import re
import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from rarefy.eval.collections.collection import Collection

__all__ = ["read_pydocs"]

# Named one by one: importing whatever is found would run code that prints or opens windows.
_NUMPY = """. char fft lib.format lib.npyio lib.recfunctions lib.stride_tricks linalg ma polynomial
random strings testing"""
_SCIPY = """cluster.hierarchy cluster.vq constants datasets differentiate fft fftpack integrate
interpolate io io.wavfile linalg linalg.interpolative ndimage optimize signal signal.windows sparse
sparse.csgraph sparse.linalg spatial spatial.distance spatial.transform special stats
stats.contingency stats.mstats stats.qmc stats.sampling"""
_STANDARD = """
argparse ast asyncio base64 bisect builtins codecs collections configparser contextlib copy csv
dataclasses datetime difflib dis doctest enum fileinput fnmatch fractions functools glob graphlib
gzip hashlib heapq hmac html inspect io ipaddress itertools json locale logging lzma math mimetypes
multiprocessing operator os os.path pathlib pickle pkgutil platform pprint queue random re sched
secrets selectors shelve shlex shutil signal smtplib socket sqlite3 ssl statistics string struct
subprocess sysconfig tempfile textwrap threading time timeit tokenize traceback tracemalloc types
typing unicodedata unittest urllib.parse urllib.request uuid warnings weakref wsgiref.util
xml.etree.ElementTree zipfile zlib
"""
_MODULES = (
    *(f"numpy.{name}".removesuffix("..") for name in _NUMPY.split()),
    *(f"scipy.{name}" for name in _SCIPY.split()),
    *_STANDARD.split(),
)

_DOCUMENTS = 3000
_QUERIES = 500
_QUERY_WORDS = 3
_BODY_WORDS = (20, 100)  # the most is about what encoders of 256 tokens read
_SHINGLE = 4  # words
_BOILERPLATE = 12  # a shingle of more docstrings says nothing about any of them
_NEARLY_THE_SAME = 0.5  # Jaccard similarity of two sets of shingles


class _Entry(NamedTuple):
    name: str
    summary: str
    body: str


def read_pydocs(*, seed: int = 0) -> Collection:
    """Make the collection; the same for the same versions of Python, NumPy and SciPy.

    At most 3,000 documents of 20 to 100 words, and 500 queries of at least 3 words, drawn at
    random with `seed`.
    """
    entries = list(_entries())
    labels = _nearly_the_same([entry.body for entry in entries])
    random = np.random.default_rng(seed)
    kept = set(random.permutation(int(labels.max()) + 1)[:_DOCUMENTS].tolist())
    documents: dict[int, _Entry] = {}
    relevant: dict[str, set[int]] = {}
    for label, entry in zip(labels.tolist(), entries, strict=True):
        if label in kept:
            documents.setdefault(label, entry)
            if len(entry.summary.split()) >= _QUERY_WORDS:
                relevant.setdefault(entry.summary, set()).add(label)
    queries = list(relevant)
    drawn = sorted(random.permutation(len(queries))[:_QUERIES].tolist())
    return Collection(
        name="pydocs",
        split="test",
        document_ids=[entry.name for entry in documents.values()],
        documents=[_text(entry) for entry in documents.values()],
        query_ids=[f"q{number}" for number in drawn],
        queries=[queries[number] for number in drawn],
        qrels={
            f"q{number}": {documents[label].name: 1 for label in sorted(relevant[queries[number]])}
            for number in drawn
        },
    )


def _entries() -> Iterator[_Entry]:
    """Every documented public object of the modules, once, in the order of the modules."""
    seen: set[int] = set()
    for module_name in _MODULES:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of deprecated modules and names
            module = importlib.import_module(module_name)
            # sorted, because some modules list their names in the order of a set
            public = sorted(getattr(module, "__all__", None) or vars(module))
            members = [(name, vars(module).get(name)) for name in public if name[0] != "_"]
        for name, member in members:
            if id(member) in seen or not _is_documented(member, module_name):
                continue
            seen.add(id(member))
            if entry := _parse(f"{module_name}.{name}", inspect.getdoc(member) or ""):
                yield entry


def _is_documented(member: Any, module_name: str) -> bool:
    home = getattr(member, "__module__", None) or module_name
    if home.split(".")[0] not in (module_name.split(".")[0], f"_{module_name}", "posix"):
        return False  # imported from elsewhere
    return isinstance(member, np.ufunc) or inspect.isroutine(member) or inspect.isclass(member)


def _parse(name: str, docstring: str) -> _Entry | None:
    """Split a docstring into its summary sentence and the rest; None if either is missing."""
    prose = re.split(r"\n(?:Examples|References)\n-+\n", docstring)[0]
    prose = re.sub(r"^\s*[-=~]{3,}\s*$", "", prose, flags=re.MULTILINE)  # under headings
    paragraphs = re.split(r"\n\s*\n", prose.strip())
    short = name.rpartition(".")[2]
    while paragraphs and paragraphs[0].startswith(f"{short}("):  # of extension modules
        del paragraphs[0]
    if not paragraphs:
        return None
    first = " ".join(paragraphs[0].split())
    summary, *rest = re.split(r"(?<=\w\w[.!?]) +(?=[A-Z])", first, maxsplit=1)
    body = " ".join(" ".join([*rest, *paragraphs[1:]]).split())
    if not summary or body.count(" ") < _BODY_WORDS[0]:
        return None
    return _Entry(name, summary, body)


def _text(entry: _Entry) -> str:
    return " ".join([entry.name, *entry.body.split()[: _BODY_WORDS[1]]])


def _nearly_the_same(texts: list[str]) -> npt.NDArray[np.int32]:
    """Assign a number to each group of texts that are linked by sharing most of their shingles.

    Returns
    -------
    numpy.ndarray
        int32[texts], the group of each text, counted from 0.
    """
    columns: dict[str, int] = {}
    pairs: list[tuple[int, int]] = []
    for row, text in enumerate(texts):
        words = re.findall(r"\w+", text.lower())
        for start in range(max(1, len(words) - _SHINGLE + 1)):
            shingle = " ".join(words[start : start + _SHINGLE])
            pairs.append((row, columns.setdefault(shingle, len(columns))))
    rows, cols = np.array(pairs).T
    ones = np.ones(len(pairs), dtype=np.int32)
    counts = coo_array((ones, (rows, cols)), shape=(len(texts), len(columns))).tocsc()
    shingles = (counts[:, np.diff(counts.indptr) <= _BOILERPLATE] > 0).astype(np.int32).tocsr()
    shared = (shingles @ shingles.T).tocoo()
    sizes = np.diff(shingles.indptr)
    left, right = shared.coords
    near = shared.data >= _NEARLY_THE_SAME * (sizes[left] + sizes[right] - shared.data)
    links = coo_array((near[near], (left[near], right[near])), shape=shared.shape)
    return connected_components(links, directed=False)[1]

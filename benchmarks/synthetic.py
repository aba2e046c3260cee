"""Collections of any size that look like a real one, for benchmarks of the index.

Each synthetic document is bred from a real one, its parent, and some of the parent's nearest
neighbours. A term is inherited with the probability that its holders' shares in the child add up
to, its weight from one of them, so that document frequencies, weights and lengths stay what they
were; terms that all hold are always inherited, so that topics stay together. Then the activations
``exp(weight) - 1`` are multiplied by noise, per term and per document, without which the children
of one parent would score alike and the best results of a query would be flatter than real ones.

The recipe was chosen by growing 16,384 real documents to 131,072 and comparing with as many real
ones (`--validate`); it is then used to grow 131,072 to millions.

    python benchmarks/synthetic.py --documents 1048576    makes a collection and compares it
    python benchmarks/synthetic.py --validate             compares at equal size, in times too
    python benchmarks/synthetic.py --smoke --out PATH     a toy, in seconds
"""

# ruff: noqa: NPY002 (Numba has the legacy functions alone)
from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse
from corpus import corpus, toy
from numba import njit
from resemblance import compare, print_comparison, relative_times
from timing import pin

from rarefy.eval.environment import environment
from rarefy.index import Index
from rarefy.sparse.cache import cache_folder

__all__ = ["Recipe", "grow", "synthetic"]

RESULT = Path(__file__).parent / "results" / "synthetic.json"
NEIGHBOURS = 64
SEED = 1


class Recipe(NamedTuple):
    """How a child differs from its parent.

    Attributes
    ----------
    partners : int
        Neighbours that take part.
    share : tuple of float
        The parent's share lies uniformly between these; the partners divide the rest at random.
    nearness : float
        Partners are the parent's neighbours of rank ``64 * u**nearness``, u uniform.
    length_noise : float
        Standard deviation of the logarithm of a factor on the probabilities of inheritance.
    term_noise : float
        Standard deviation of the logarithm of a factor on each activation.
    document_noise : float
        Mean of the exponentially distributed logarithm of a factor on a document's activations:
        few documents stand out.
    damping : float
        The logarithm of what all activations are divided by, to keep scores where they were.
    headroom : float
        No weight exceeds the term's largest in the real collection by more than this factor.
    """

    partners: int = 1
    share: tuple[float, float] = (0.9, 1.0)
    nearness: float = 2.0
    length_noise: float = 0.2
    term_noise: float = 0.2
    document_noise: float = 0.25
    damping: float = 0.25
    headroom: float = 1.2


def synthetic(n: int) -> Any:
    """Return a collection of n documents grown from the real one, csr float32[n, V].

    It is made first if it is not in the cache folder. A smaller collection is the beginning of a
    larger one.
    """
    path = cache_folder() / "benchmarks" / f"synthetic-{n}" / "documents.npz"
    if not path.exists():
        save(grow(corpus().documents.tocsr(), n), path)
    return scipy.sparse.load_npz(path)


def save(documents: Any, path: Path) -> None:
    """Write a collection, all or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name("partial.npz")
    scipy.sparse.save_npz(partial, documents, compressed=False)
    os.replace(partial, path)


def grow(documents: Any, n: int, recipe: Recipe = Recipe(), seed: int = SEED) -> Any:  # noqa: B008
    """Breed n documents; each real one is a parent as often as the others, or once more.

    Takes a minute, half a minute more a million, and 1.5 times the memory of what it returns.
    """
    m, width = documents.shape
    rng = np.random.default_rng(seed)
    near = _neighbours(documents)
    parts = []
    for start in range(0, n, m):
        parents = rng.permutation(m)[: n - start]
        parts.append(
            _breed(
                documents.indptr, documents.indices, documents.data, width, near, parents,
                int(rng.integers(2**31)), recipe,
            )
        )  # fmt: skip
    counts = np.concatenate([part[0] for part in parts])
    columns = np.concatenate([part[1] for part in parts])
    parts = [part[2] for part in parts]
    weights = np.concatenate(parts)
    indptr = np.concatenate([[0], np.cumsum(counts)])
    if indptr[-1] < 2**31:
        indptr = indptr.astype(np.int32)  # scipy gives the columns the same width
    return scipy.sparse.csr_array((weights, columns, indptr), shape=(n, width))


def _neighbours(documents: Any) -> npt.NDArray[np.int32]:
    """Return int32[n, 64]: the rows with the highest cosine, best first; its own where too few."""
    n = documents.shape[0]
    lengths = np.diff(documents.indptr)
    norms = np.sqrt(np.bincount(np.repeat(np.arange(n), lengths), documents.data**2.0, n))
    unit = scipy.sparse.csr_array(
        (documents.data / np.repeat(norms, lengths).astype(np.float32),
         documents.indices, documents.indptr), shape=documents.shape,
    )  # fmt: skip
    rows = Index.build(unit).search(unit, k=NEIGHBOURS + 1).rows
    own = np.arange(n)[:, None]
    others = np.argsort(rows == own, axis=1, kind="stable")[:, :NEIGHBOURS]
    rows = np.take_along_axis(rows, others, axis=1)
    return np.where(rows < 0, own, rows).astype(np.int32)


@njit(cache=True)
def _breed(
    indptr: Any, columns: Any, weights: Any, width: int, near: Any, parents: Any,
    seed: int, recipe: Recipe,
) -> tuple[Any, Any, Any]:  # fmt: skip
    """Return one child a parent: lengths int64[n], columns int32[nnz], weights float32[nnz]."""
    np.random.seed(seed)
    low, high = recipe.share
    holders = np.empty(recipe.partners + 1, np.int64)
    shares = np.empty(recipe.partners + 1)
    held = np.zeros(width)  # shares of those that hold the term
    weight = np.zeros(width, np.float32)
    largest = np.zeros(width, np.float32)
    for p in range(indptr[-1]):
        largest[columns[p]] = max(largest[columns[p]], weights[p])
    found = np.empty(width, np.int32)
    lengths = np.empty(parents.size, np.int64)
    capacity = indptr[-1] * 2 * parents.size // (indptr.size - 1) + width
    out_columns = np.empty(capacity, np.int32)
    out_weights = np.empty(capacity, np.float32)
    end = 0
    for child in range(parents.size):
        holders[0] = parents[child]
        shares[0] = np.random.uniform(low, high)
        for j in range(1, holders.size):
            rank = int(near.shape[1] * np.random.random() ** recipe.nearness)
            holders[j] = near[parents[child], rank]
            shares[j] = np.random.exponential()
        shares[1:] *= (1 - shares[0]) / shares[1:].sum()
        n = 0
        for j in range(holders.size):
            for p in range(indptr[holders[j]], indptr[holders[j] + 1]):
                term = columns[p]
                if held[term] == 0:
                    found[n] = term
                    n += 1
                held[term] += shares[j]
                if np.random.random() * held[term] <= shares[j]:
                    weight[term] = weights[p]
        richness = np.exp(recipe.length_noise * np.random.normal())
        strength = recipe.document_noise * np.random.exponential() - recipe.damping
        kept = 0
        for i in range(n):
            term = found[i]
            if held[term] > 1 - 1e-6 or np.random.random() < held[term] * richness:
                found[kept] = term
                kept += 1
            held[term] = 0
        if end + kept > capacity:
            raise MemoryError("children are twice as long as their parents")
        for term in np.sort(found[:kept]):
            factor = np.exp(strength + recipe.term_noise * np.random.normal())
            out_columns[end] = term
            out_weights[end] = min(
                np.log1p(np.expm1(weight[term]) * factor), recipe.headroom * largest[term]
            )
            end += 1
        lengths[child] = kept
    return lengths, out_columns[:end].copy(), out_weights[:end].copy()


def main() -> None:
    """Make, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, help="make a collection of this size")
    parser.add_argument("--validate", action="store_true", help="compare at equal size")
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--parents", type=int, default=16_384, help="of the validation")
    parser.add_argument("--peers", nargs="*", default=["Seismic", "Qdrant's engine", "scipy"])
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    pin()
    collection = toy() if options.smoke else corpus()
    real = collection.documents.tocsr()
    queries = collection.queries["medium"].tocsr()
    queries, calibration = queries[: options.queries], queries[options.queries :]
    if options.documents:
        began = time.perf_counter()
        made = synthetic(options.documents)
        print(
            f"{made.shape[0]} documents, {made.nnz} postings, {time.perf_counter() - began:.0f} s"
        )
        print_comparison(compare(real, made, queries))
    if options.smoke:
        options.parents, options.peers = 500, ["scipy"]
    elif not options.validate:
        return
    began = time.perf_counter()
    grown = grow(real[: options.parents], real.shape[0])
    result = {
        "collection": collection.facts,
        "parents": options.parents,
        "recipe": Recipe()._asdict(),
        "grow_s": time.perf_counter() - began,
        "statistics": compare(real, grown, queries),
        "engines": relative_times(real, grown, queries, calibration, options.peers),
        "environment": environment(),
    }
    print_comparison(result["statistics"])
    for engine in result["engines"]:
        print("{name:24} >= {recall}: {ratio:5.2f} x the time on real documents".format(**engine))
    options.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()

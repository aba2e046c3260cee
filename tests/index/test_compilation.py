"""Kernels run where compiled code cannot be kept, keep their SIMD, and load quickly."""

from __future__ import annotations

import platform
import re
import subprocess
import sys

import numba
import numpy as np
import pytest
import scipy.sparse as sp

from rarefy.index import Index, champions, kernels, sums
from rarefy.index.warmup import warm_up

UNCACHED = """
import numba.core.caching as caching
for name in vars(caching):
    kind = vars(caching)[name]
    if isinstance(kind, type) and hasattr(kind, "_locator_classes"):
        kind._locator_classes = []
import numpy, scipy.sparse
from rarefy.index import Index
documents = scipy.sparse.csr_array(numpy.eye(3, dtype=numpy.float32))
print(Index.build(documents).search(documents, k=1).rows.ravel().tolist())
"""


@pytest.mark.jit
def test_an_installation_that_cannot_be_written_works():
    done = subprocess.run([sys.executable, "-c", UNCACHED], capture_output=True, text=True)
    assert done.stdout.strip() == "[0, 1, 2]", done.stderr


@pytest.mark.jit
@pytest.mark.skipif(platform.machine() != "x86_64", reason="names instructions of x86-64")
def test_the_hot_loop_keeps_its_simd():
    add = numba.njit(sums._add_four_rows.py_func)  # code from the cache has no assembly
    row = np.full(256, 0x21, np.uint8)
    low, high = np.zeros(256, np.uint16), np.zeros(256, np.uint16)
    add(low, high, row, row, row, row, np.ones(4, np.uint16), np.uint16(0), np.uint16(0))
    assert (low == 4).all()
    assert (high == 8).all()
    code = "\n".join(add.inspect_asm().values())
    wide = re.findall(r"\b(?:vpmullw|vpaddw)\s.*%[yz]mm", code)
    narrow = re.findall(r"\b(?:pmullw|paddw)\s.*%xmm", code)
    assert wide or narrow, "the block sums are not added by SIMD"


@pytest.mark.jit
def test_warming_up_compiles_what_a_search_needs(tmp_path):
    warm_up()
    before = len(kernels.search_many.signatures)
    assert champions.select_champions.signatures
    documents = sp.csr_array(np.eye(5, dtype=np.float32))
    Index.build(documents).save(tmp_path / "index")
    Index.open(tmp_path / "index").search(documents)
    assert len(kernels.search_many.signatures) == before > 0

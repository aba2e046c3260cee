"""Any SparseEncoder of sentence-transformers, through its own encode."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import sparse
from sentence_transformers import SparseEncoder

from rarefy.sparse.cache import VectorCache
from rarefy.sparse.encoders.batches import Codec, encode_in_batches
from rarefy.sparse.encoders.pipeline import content_digest, fingerprint
from rarefy.sparse.model import Role
from rarefy.sparse.rows import Row, pack, stack, unpack
from rarefy.sparse.texts import Advance
from rarefy.sparse.vocabulary import Vocabulary

__all__ = ["SparsePipelineEncoder"]


class SparsePipelineEncoder:
    """A SparseEncoder, streamed into sparse rows, with a cache.

    Parameters
    ----------
    pipeline
        Any SparseEncoder, with or without routes of their own for queries and documents.
    cache
        Whether vectors are kept on disk; a path names the folder.
    batch_size
        Texts a forward pass. It changes speed alone.

    Attributes
    ----------
    computed : int
        Texts encoded so far, without those whose vectors the cache held.
    """

    def __init__(
        self, pipeline: SparseEncoder, *, cache: bool | str | Path = True, batch_size: int = 32
    ) -> None:
        self.pipeline = pipeline.eval()
        self.computed = 0
        self._cache = cache
        self._batch_size = batch_size

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The tokenizer's terms, or numbers where the columns are none."""
        size = self.pipeline.encode(["a"]).shape[1]
        tokenizer: Any = getattr(self.pipeline, "tokenizer", None)
        # Models pad their vocabulary for speed, to a multiple of at most 128.
        if hasattr(tokenizer, "get_vocab") and 0 <= size - len(tokenizer) < 128:
            return Vocabulary.from_tokenizer(tokenizer, size)
        return Vocabulary([str(column) for column in range(size)])

    @property
    def fingerprint(self) -> str:
        """Hexadecimal digest that changes when the vectors of some text would."""
        return fingerprint(self.pipeline, self._content)

    @cached_property
    def _content(self) -> str:
        return content_digest(self.pipeline)

    def encode_distinct(
        self, texts: list[str], role: Role, batch_size: int | None, advance: Advance
    ) -> sparse.csr_array:
        """Encode texts that are known to be distinct; float32 [n, V]."""
        rows = [Row(np.zeros(0, np.uint32), np.zeros(0, np.float32))] * len(texts)
        for position, row, computed in encode_in_batches(
            texts,
            role,
            lambda batch: self._rows(batch, role),
            cache=VectorCache.chosen(self._cache, self.fingerprint),
            codec=Codec(pack, unpack),
            batch_size=batch_size or self._batch_size,
            advance=advance,
        ):
            rows[position] = row
            self.computed += computed
        return stack(rows, len(self.vocabulary))

    @torch.inference_mode()
    def _rows(self, texts: list[str], role: Role) -> list[Row]:
        encode = self.pipeline.encode_query if role == "query" else self.pipeline.encode_document
        vectors = encode(
            texts, batch_size=len(texts), convert_to_sparse_tensor=False, show_progress_bar=False
        )
        rows = []
        for vector in vectors.float().cpu().numpy():
            columns = vector.nonzero()[0]
            rows.append(Row(columns.astype(np.uint32), vector[columns]))
        return rows

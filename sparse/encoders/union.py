"""A text's own words and what its dense vector adds, in one sparse vector.

The columns are the word-pieces of the encoder's tokenizer, with BM25's weights, then the latent
entries of a head over the dense vector. Both parts of a query have unit length, a document's
latent part has scores near the dense ones, and the words count `FoldedWords.weight` times: a dot
product is then a weighted sum of the normalised BM25 score and the dense similarity, as a fusion
of two engines would compute it, from one index.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse

from rarefy.errors import InputError
from rarefy.sparse.encoders.dense import DenseEncoder, Precision
from rarefy.sparse.encoders.folded_words import GENERAL_DOCUMENTS, FoldedWords
from rarefy.sparse.encoders.union_module import UnionModule
from rarefy.sparse.heads.signed_rotation import SignedRotation
from rarefy.sparse.model import Role
from rarefy.sparse.texts import Advance, checked
from rarefy.sparse.vocabulary import Vocabulary

__all__ = ["UnionEncoder"]

_QUERY_ENTRIES = 96
_DOCUMENT_WORDS, _DOCUMENT_LATENT = 146, 110
_WEIGHT = 0.55  # of words


class UnionEncoder:
    """Lexical weights and a latent head in one sparse vector.

    Parameters
    ----------
    dense
        What gives dense vectors, and caches them.
    module
        The words and the head, over ``dense.pipeline``.
    """

    def __init__(self, dense: DenseEncoder, module: UnionModule) -> None:
        self.dense = dense
        self.module = module
        self.name = dense.name

    @classmethod
    def from_tables(cls, dense: DenseEncoder, tables: Mapping[str, Any]) -> UnionEncoder:
        """Make an encoder of what :func:`rarefy.sparse.encoders.union_tables.union_tables` learnt.

        Parameters
        ----------
        dense
            The encoder whose text was measured.
        tables
            What that function returned, or a file of it.
        """
        tables = dict(tables)
        rows, mean = (torch.from_numpy(tables.pop(name)).float() for name in ("rows", "mean"))
        head = SignedRotation(
            dense.dimension,
            len(rows) // dense.dimension,
            query_terms=_QUERY_ENTRIES,
            document_terms=_DOCUMENT_LATENT,
            rows=rows,
        )
        head.load_state_dict({"rows": rows, "query_mean": mean, "document_mean": mean})
        words = FoldedWords(
            dense.pipeline.tokenizer,
            **tables,
            weight=_WEIGHT,
            query_words=_QUERY_ENTRIES,
            document_words=_DOCUMENT_WORDS,
        )
        head.to(dense.pipeline.device).eval()
        return cls(dense, UnionModule(dense.pipeline, head, words, query_entries=_QUERY_ENTRIES))

    @classmethod
    def parted(cls, pipeline: Any, cache: bool | str | Path, dtype: Precision) -> UnionEncoder:
        """Take the union out of a SparseEncoder that has it as its one module."""
        (module,) = pipeline
        module.dense.to(pipeline.device)
        return cls(DenseEncoder(module.dense, cache=cache, dtype=dtype), module)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The tokenizer's terms, then ``latent:0``, ``latent:1``, ..."""
        words = self.dense.vocabulary
        latent = (f"latent:{number}" for number in range(self.module.head.vocabulary_size))
        return Vocabulary([*words.terms, *latent], words.special)

    @property
    def fold(self) -> NDArray[np.integer]:
        """The column that stands for each piece, or -1; int [pieces]."""
        return self.module.words.fold

    @property
    def fingerprint(self) -> str:
        """Hexadecimal digest that changes when the vectors of some text would."""
        module = self.module
        parts = (self.dense.fingerprint, module.words.fingerprint, module.query_entries)
        digest = hashlib.sha256(json.dumps(parts).encode())
        for name, tensor in module.head.state_dict().items():
            digest.update(name.encode() + tensor.cpu().numpy().tobytes())
        digest.update(f"{module.head.query_terms} {module.head.document_terms}".encode())
        return digest.hexdigest()

    @property
    def computed(self) -> int:
        """Texts encoded so far, without those whose dense vectors the cache held."""
        return self.dense.computed

    @property
    def pipeline(self) -> Any:
        """The ``SparseEncoder`` of sentence-transformers that gives the same vectors."""
        from sentence_transformers import SparseEncoder

        dense = self.dense.pipeline
        return SparseEncoder(
            modules=[self.module],
            prompts=dict(dense.prompts),
            default_prompt_name=dense.default_prompt_name,
            similarity_fn_name="dot",
            device=str(dense.device),
        )

    @property
    def fitted(self) -> bool:
        """Whether the statistics are of a collection, not of general text."""
        return self.module.fitted

    def fit(self, texts: Iterable[str], *, progress: bool = False) -> None:
        """Take BM25's statistics and the mean vector from the documents of a collection.

        General text counts as `GENERAL_DOCUMENTS` more documents.

        Raises
        ------
        InputError
            If no text says anything.
        """
        documents = [text for text in checked(texts) if text.strip()]
        if not documents:
            raise InputError("texts is empty; expected the documents of a collection")
        distinct = list(dict.fromkeys(documents))
        vectors = self.dense.encode(distinct, role="document", progress=progress)
        head = self.module.head
        total = vectors.sum(0) + GENERAL_DOCUMENTS * head.query_mean.cpu().numpy()
        head.document_mean.copy_(torch.from_numpy(total / (len(distinct) + GENERAL_DOCUMENTS)))
        self.module.words.fit(documents)
        self.module.fitted = True

    def statistics(self) -> dict[str, NDArray[Any]]:
        """Return what :meth:`fit` has learnt, as :meth:`restore` takes it."""
        words = {name: np.asarray(v) for name, v in self.module.words.statistics().items()}
        return {**words, "document_mean": self.module.head.document_mean.cpu().numpy()}

    def restore(self, statistics: Mapping[str, NDArray[Any]]) -> None:
        """Take what :meth:`statistics` returned, in place of :meth:`fit`."""
        words: dict[str, Any] = dict(statistics)
        mean = words.pop("document_mean")
        self.module.head.document_mean.copy_(torch.from_numpy(mean))
        self.module.words.restore(**words)
        self.module.fitted = True

    def encode_distinct(
        self, texts: list[str], role: Role, batch_size: int | None, advance: Advance
    ) -> sparse.csr_array:
        """Encode texts that are known to be distinct; float32 [n, V]."""
        vectors = self.dense.encode_distinct(texts, role, batch_size, advance)
        return self.module.rows(texts, vectors, role)

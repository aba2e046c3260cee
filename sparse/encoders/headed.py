"""A dense encoder and a head on it, as one encoder of sparse vectors."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scipy import sparse

from rarefy.errors import InputError
from rarefy.sparse.encoders.dense import DenseEncoder, Precision
from rarefy.sparse.encoders.images import ImageEncoder
from rarefy.sparse.model import Role
from rarefy.sparse.texts import Advance
from rarefy.sparse.vocabulary import Vocabulary

if TYPE_CHECKING:
    from rarefy.sparse.heads.head import VectorHead

__all__ = ["HeadedEncoder"]

# Files beside those of sentence-transformers: the terms of the columns, where no tokenizer tells
# them; and an empty one that says that items are pictures, for a model that takes text, too.
_VOCABULARY, _PICTURES = "vocabulary.json", "pictures"


class HeadedEncoder:
    """A dense encoder and a head on it.

    Parameters
    ----------
    encoder
        What gives dense vectors, and caches them.
    head
        What projects them.
    vocabulary
        The terms of the columns; by default those of the encoder's tokenizer, if it has one and
        the head has as many columns, or else their numbers.

    Raises
    ------
    InputError
        If their sizes differ.
    """

    def __init__(
        self, encoder: DenseEncoder, head: VectorHead, vocabulary: Vocabulary | None = None
    ) -> None:
        if head.in_features != encoder.dimension:
            raise InputError(
                f"the head takes vectors of length {head.in_features}; {encoder.name} gives "
                f"vectors of length {encoder.dimension}"
            )
        if vocabulary is not None and len(vocabulary) != head.vocabulary_size:
            raise InputError(
                f"the vocabulary has {len(vocabulary)} terms; expected one for each of the head's "
                f"{head.vocabulary_size} columns"
            )
        self.dense = encoder
        self.head = head
        self.name = encoder.name
        self._vocabulary = vocabulary

    @classmethod
    def parted(
        cls,
        pipeline: Any,
        cache: bool | str | Path,
        dtype: Precision,
        folder: Path | None = None,
    ) -> HeadedEncoder:
        """Take apart a SparseEncoder whose last module is a head.

        Parameters
        ----------
        pipeline
            The SparseEncoder.
        cache, dtype
            As for :class:`DenseEncoder`.
        folder
            Where it was loaded from: what :meth:`save_items` wrote there is read.

        Raises
        ------
        InputError
            If that is damaged.
        """
        from sentence_transformers import SentenceTransformer

        *modules, head = pipeline
        dense = SentenceTransformer(
            modules=modules,
            prompts=dict(pipeline.prompts),
            default_prompt_name=pipeline.default_prompt_name,
            device=str(pipeline.device),
        )
        vocabulary, pictures = None, not dense.supports("text")
        if folder is not None:
            path = folder / _VOCABULARY
            vocabulary = Vocabulary.load(path) if path.is_file() else None
            pictures = pictures or (folder / _PICTURES).is_file()
        kind = ImageEncoder if pictures else DenseEncoder
        return cls(kind(dense, cache=cache, dtype=dtype), head.eval(), vocabulary)

    def save_items(self, folder: Path) -> None:
        """Write what sentence-transformers would not: the vocabulary, and whether it sees."""
        if self._vocabulary is not None:
            self._vocabulary.save(folder / _VOCABULARY)
        if isinstance(self.dense, ImageEncoder):
            (folder / _PICTURES).touch()

    @property
    def vocabulary(self) -> Vocabulary:
        """The terms of the columns, or numbers where these are latent features."""
        if self._vocabulary is not None:
            return self._vocabulary
        if self.dense.pipeline.transformers_model is not None:
            terms = self.dense.vocabulary
            if len(terms) == self.head.vocabulary_size:
                return terms
        return Vocabulary([str(column) for column in range(self.head.vocabulary_size)])

    @property
    def fingerprint(self) -> str:
        """Hexadecimal digest that changes when the vectors of some text would."""
        from rarefy.sparse.encoders.pipeline import content_digest, fingerprint

        pipeline = self.pipeline
        return fingerprint(pipeline, content_digest(pipeline), self.dense.dtype)

    @property
    def computed(self) -> int:
        """Texts encoded so far, without those whose dense vectors the cache held."""
        return self.dense.computed

    @property
    def pipeline(self) -> Any:
        """Both as a ``SparseEncoder`` of sentence-transformers; the parts are shared."""
        from sentence_transformers import SparseEncoder

        dense = self.dense.pipeline
        return SparseEncoder(
            modules=[*dense, self.head],
            prompts=dict(dense.prompts),
            default_prompt_name=dense.default_prompt_name,
            similarity_fn_name="dot",
            device=str(dense.device),
        )

    def fit(self, texts: Iterable[str], *, progress: bool = False) -> None:
        """Fit the head; see :meth:`VectorHead.fit`."""
        self.head.fit(self.dense, texts, progress=progress)

    def encode_distinct(
        self, texts: list[str], role: Role, batch_size: int | None, advance: Advance
    ) -> sparse.csr_array:
        """Encode texts that are known to be distinct; float32 [n, V]."""
        vectors = self.dense.encode_distinct(texts, role, batch_size, advance)
        return self.head.eval().project(vectors, role)

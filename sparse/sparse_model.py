"""Learned sparse models: an encoder, and a head where the encoder is dense."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

from numpy.typing import NDArray
from scipy import sparse

from rarefy.errors import InputError, InputTypeError, require
from rarefy.files import output_folder
from rarefy.sparse.encoders.dense import DenseEncoder, Precision
from rarefy.sparse.encoders.headed import HeadedEncoder
from rarefy.sparse.model import Role, TermModel
from rarefy.sparse.texts import Advance, checked
from rarefy.sparse.vocabulary import Vocabulary

if TYPE_CHECKING:
    from rarefy.sparse.heads.head import VectorHead

__all__ = ["SparseModel", "TermEncoder"]


class TermEncoder(Protocol):
    """What gives sparse vectors: HeadedEncoder, MaskedLMEncoder, SparsePipelineEncoder."""

    @property
    def vocabulary(self) -> Vocabulary:
        """The terms of the columns."""

    @property
    def fingerprint(self) -> str:
        """Hexadecimal digest that changes when the vectors of some text would."""

    @property
    def computed(self) -> int:
        """Texts encoded so far, without those whose vectors the cache held."""

    @property
    def pipeline(self) -> Any:
        """The ``SparseEncoder`` of sentence-transformers that gives the same vectors."""

    def encode_distinct(
        self, texts: list[str], role: Role, batch_size: int | None, advance: Advance
    ) -> sparse.csr_array:
        """Encode texts that are known to be distinct; float32 [n, V]."""


class SparseModel(TermModel):
    """A learned sparse model.

    Parameters
    ----------
    encoder
        A :class:`DenseEncoder`, which needs a head, or an encoder that gives sparse vectors itself.
    head
        A :class:`DenseToSparse` or :class:`TopKAutoencoder` head for the dense encoder.
    name
        What the model is called in tables.
    vocabulary
        The terms of the head's columns, where they are not those of the encoder's tokenizer.

    Raises
    ------
    InputError
        If a dense encoder comes without a head or with one of another size, or another encoder
        with one.
    InputTypeError
        If `encoder` is no encoder.
    """

    def __init__(
        self,
        encoder: DenseEncoder | TermEncoder,
        head: VectorHead | None = None,
        *,
        name: str | None = None,
        vocabulary: Vocabulary | None = None,
    ) -> None:
        if not hasattr(encoder, "encode_distinct"):
            raise InputTypeError(
                f"encoder is a {type(encoder).__name__}; expected a DenseEncoder(path)"
            )
        if isinstance(encoder, DenseEncoder):
            if head is None:
                raise InputError(
                    f"{encoder.name} gives dense vectors: expected a head too, as in "
                    "SparseModel(encoder, DenseToSparse.tied_to(encoder))"
                )
            encoder = HeadedEncoder(encoder, head, vocabulary)
        elif head is not None or vocabulary is not None:
            raise InputError(
                "the encoder gives sparse vectors itself: expected head=None and vocabulary=None"
            )
        self.encoder = encoder
        self.name = str(name or getattr(encoder, "name", "sparse"))

    @classmethod
    def load(
        cls,
        name_or_path: str | Path,
        *,
        name: str | None = None,
        device: str = "auto",
        cache: bool | str | Path = True,
        dtype: Precision = "auto",
        trust_remote_code: bool = False,
    ) -> SparseModel:
        """Load a SparseEncoder or a masked language model; see :func:`rarefy.load`."""
        require("sentence_transformers", "encode")
        from rarefy.sparse.encoders.masked_lm import MaskedLMEncoder
        from rarefy.sparse.encoders.pipeline import load_sparse_encoder
        from rarefy.sparse.encoders.sparse_pipeline import SparsePipelineEncoder
        from rarefy.sparse.encoders.union import UnionEncoder
        from rarefy.sparse.encoders.union_module import UnionModule
        from rarefy.sparse.heads.head import VectorHead

        pipeline = load_sparse_encoder(name_or_path, device, trust_remote_code)
        encoder: TermEncoder
        if isinstance(pipeline[-1], UnionModule):
            encoder = UnionEncoder.parted(pipeline, cache, dtype)
        elif isinstance(pipeline[-1], VectorHead):
            encoder = HeadedEncoder.parted(pipeline, cache, dtype, Path(name_or_path))
        elif MaskedLMEncoder.fits(pipeline):
            encoder = MaskedLMEncoder(pipeline, cache=cache)
        else:
            encoder = SparsePipelineEncoder(pipeline, cache=cache)
        return cls(encoder, name=name or Path(name_or_path).name)

    @property
    def vocabulary(self) -> Vocabulary:
        """The terms of the columns."""
        return self.encoder.vocabulary

    @property
    def fingerprint(self) -> str:
        """Hexadecimal digest that changes when the vectors of some text would."""
        return self.encoder.fingerprint

    @property
    def computed(self) -> int:
        """Texts encoded so far, without those whose vectors the cache held."""
        return self.encoder.computed

    @property
    def pictured(self) -> frozenset[Role]:
        """Both roles if the encoder takes pictures, or else none."""
        from rarefy.sparse.encoders.images import ImageEncoder

        pictures = isinstance(getattr(self.encoder, "dense", None), ImageEncoder)
        return frozenset({"query", "document"} if pictures else ())

    @property
    def fitted(self) -> bool:
        """Whether it can encode as it is: see :attr:`TermModel.fitted`."""
        return getattr(self.encoder, "fitted", True)

    def statistics(self) -> dict[str, NDArray[Any]]:
        """Return what :meth:`fit` took from the collection that is searched.

        Returns
        -------
        dict
            Tables by name, as :meth:`restore` takes them; empty if the model takes nothing from a
            collection, or has not yet.
        """
        keeps = getattr(self.encoder, "statistics", None)
        return keeps() if keeps and self.fitted else {}

    def restore(self, statistics: Mapping[str, NDArray[Any]]) -> Self:
        """Take what :meth:`statistics` returned, in place of :meth:`fit`.

        Raises
        ------
        InputError
            If they are not of such a model.
        """
        encoder: Any = self.encoder
        try:
            encoder.restore(statistics)
        except (AttributeError, KeyError, TypeError, ValueError, RuntimeError) as error:
            raise InputError(
                f"the statistics are not of {self.name} ({error}): expected what its statistics() "
                "returned"
            ) from error
        return self

    def fit(self, texts: Iterable[str], *, progress: bool = False) -> Self:
        """Fit what needs no training: see the ``fit`` of the encoder and of its head.

        `texts` are the documents of a collection for ``minilm-d2s``, which takes document
        frequencies and a mean from them as BM25 does. For a :class:`DenseToSparse` head they should
        look like the queries as much as like the documents: over the documents of a narrow
        collection alone, its topic becomes the mean and is lost.

        Raises
        ------
        InputError
            If the model has nothing to fit, or there are less than two distinct texts.
        """
        if not hasattr(self.encoder, "fit"):
            raise InputError(f"{self.name} has no head to fit: encode with it as it is")
        self.encoder.fit(checked(texts), progress=progress)
        return self

    def spans(self, text: str) -> list[tuple[int, int, int]]:
        """Return where a text has terms of the vocabulary; see :meth:`TermModel.spans`.

        As far as the tokenizer reads: what it cuts off has none.
        """
        encoder: Any = self.encoder
        tokenizer = getattr(getattr(encoder, "dense", encoder).pipeline, "tokenizer", None)
        backend = getattr(tokenizer, "backend_tokenizer", None)
        if backend is None:  # a tokenizer in Python, which knows no places
            return []
        pieces = backend.encode(text, add_special_tokens=False)
        fold = getattr(encoder, "fold", None)
        terms = self.vocabulary.terms
        words: dict[int, tuple[int, int]] = {}
        for word, (start, end) in zip(pieces.word_ids, pieces.offsets, strict=True):
            words[word] = (words.get(word, (start,))[0], end)
        return [
            (*words[word], int(column if fold is None else fold[column]))
            for word, column, piece in zip(pieces.word_ids, pieces.ids, pieces.tokens, strict=True)
            if word is not None and column < len(terms) and terms[column] == piece
        ]

    def save(self, folder: str | Path) -> None:
        """Write the model as a SparseEncoder folder of sentence-transformers.

        ``SparseEncoder(folder)`` loads it too; where the model has a head, this package has to be
        installed there and the call needs ``trust_remote_code=True``.
        """
        from rarefy.sparse.encoders.pipeline import no_bars

        place = str(output_folder(folder))
        with no_bars():
            self.encoder.pipeline.save_pretrained(place, create_model_card=False)
        if isinstance(self.encoder, HeadedEncoder):
            self.encoder.save_items(Path(place))

    def _encode(
        self, texts: list[str], role: Role, batch_size: int | None, advance: Advance
    ) -> sparse.csr_array:
        return self.encoder.encode_distinct(texts, role, batch_size, advance)

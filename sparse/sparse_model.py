"""Learned sparse models: an encoder, and a head where the encoder is dense."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scipy import sparse

from rarefy.errors import InputError, InputTypeError, require
from rarefy.sparse.encoders.dense import DenseEncoder
from rarefy.sparse.model import Role, TermModel
from rarefy.sparse.texts import Advance, checked
from rarefy.sparse.vocabulary import Vocabulary

if TYPE_CHECKING:
    from rarefy.sparse.encoders.sparse_pipeline import SparsePipelineEncoder
    from rarefy.sparse.heads.dense_to_sparse import DenseToSparse

__all__ = ["SparseModel"]


class SparseModel(TermModel):
    """A learned sparse model.

    Parameters
    ----------
    encoder
        A :class:`DenseEncoder`, which needs a head, or an encoder that gives sparse vectors itself.
    head
        A :class:`DenseToSparse` head for the dense encoder.
    name
        What the model is called in tables.

    Raises
    ------
    InputError
        If a dense encoder comes without a head, or their sizes differ.
    """

    def __init__(
        self,
        encoder: DenseEncoder | SparsePipelineEncoder,
        head: DenseToSparse | None = None,
        *,
        name: str | None = None,
    ) -> None:
        dense = isinstance(encoder, DenseEncoder)
        if not dense and not hasattr(encoder, "encode_distinct"):
            raise InputTypeError(
                f"encoder is a {type(encoder).__name__}; expected a DenseEncoder(path)"
            )
        if dense and head is None:
            raise InputError(
                "a DenseEncoder gives dense vectors: give a head too, such as "
                "SparseModel(encoder, DenseToSparse.tied_to(encoder))"
            )
        if head is not None and not dense:
            raise InputError(
                "head is given for an encoder that gives sparse vectors; expected None"
            )
        if head is not None and head.in_features != encoder.dimension:
            raise InputError(
                f"the head takes vectors of length {head.in_features}, the encoder gives "
                f"{encoder.dimension}"
            )
        self.encoder = encoder
        self.head = head
        self.name = name or getattr(encoder, "name", "sparse")

    @classmethod
    def load(
        cls,
        name_or_path: str | Path,
        *,
        name: str | None = None,
        device: str = "auto",
        cache: bool | str | Path = True,
        trust_remote_code: bool = False,
    ) -> SparseModel:
        """Load a SparseEncoder or a masked language model; see :func:`rarefy.load`."""
        require("sentence_transformers", "encode")
        from rarefy.sparse.encoders.masked_lm import MaskedLMEncoder
        from rarefy.sparse.encoders.pipeline import load_sparse_encoder
        from rarefy.sparse.encoders.sparse_pipeline import SparsePipelineEncoder

        pipeline = load_sparse_encoder(name_or_path, device, trust_remote_code)
        label = name or Path(name_or_path).name
        if _is_headed(pipeline):
            encoder, head = _parted(pipeline, cache)
            return cls(encoder, head, name=label)
        kind = MaskedLMEncoder if MaskedLMEncoder.fits(pipeline) else SparsePipelineEncoder
        return cls(kind(pipeline, cache=cache), name=label)

    @property
    def vocabulary(self) -> Vocabulary:
        """The terms of the columns."""
        return self.encoder.vocabulary

    @property
    def fingerprint(self) -> str:
        """Hexadecimal digest that changes when the vectors of some text would."""
        if self.head is None:
            return self.encoder.fingerprint
        from rarefy.sparse.encoders.pipeline import fingerprint

        both = self.encoder.fingerprint + fingerprint(self.pipeline)
        return hashlib.sha256(both.encode()).hexdigest()

    @property
    def computed(self) -> int:
        """Texts encoded so far, without those whose vectors the cache held."""
        return self.encoder.computed

    @property
    def pipeline(self) -> Any:
        """The model as a ``SparseEncoder`` of sentence-transformers; the parts are shared."""
        if self.head is None:
            return self.encoder.pipeline
        from sentence_transformers import SparseEncoder

        dense = self.encoder.pipeline
        return SparseEncoder(
            modules=[*dense, self.head],
            prompts=dict(dense.prompts),
            default_prompt_name=dense.default_prompt_name,
            similarity_fn_name="dot",
            device=str(dense.device),
        )

    def fit(self, texts: Iterable[str], *, progress: bool = False) -> SparseModel:
        """Standardise the head's terms over a sample of texts, such as the corpus to be searched.

        Raises
        ------
        InputError
            If the model has no head, or there are less than two distinct texts.
        """
        if self.head is None:
            raise InputError(f"{self.name} has no head to fit; encode with it as it is")
        self.head.fit(self.encoder, checked(texts), progress=progress)
        return self

    def save(self, folder: str | Path) -> None:
        """Write the model as a SparseEncoder folder of sentence-transformers.

        ``SparseEncoder(folder)`` loads it too; with a head, this package has to be installed there
        and the call needs ``trust_remote_code=True``.
        """
        self.pipeline.save_pretrained(str(folder), create_model_card=False)

    def _encode(
        self, texts: list[str], role: Role, batch_size: int | None, advance: Advance
    ) -> sparse.csr_array:
        encoded = self.encoder.encode_distinct(texts, role, batch_size, advance)
        return encoded if self.head is None else self.head.project(encoded, role)


def _is_headed(pipeline: Any) -> bool:
    from rarefy.sparse.heads.dense_to_sparse import DenseToSparse

    return isinstance(pipeline[-1], DenseToSparse)


def _parted(pipeline: Any, cache: bool | str | Path) -> tuple[DenseEncoder, DenseToSparse]:
    from sentence_transformers import SentenceTransformer

    *modules, head = pipeline
    dense = SentenceTransformer(
        modules=modules,
        prompts=dict(pipeline.prompts),
        default_prompt_name=pipeline.default_prompt_name,
        device=str(pipeline.device),
    )
    return DenseEncoder(dense, cache=cache), head

"""A union of words and latent entries as a module of sentence-transformers.

``SparseEncoder(folder, trust_remote_code=True)`` loads a saved union through it: words are counted
in the whole text, where the dense encoder reads no further than its longest input.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import InputModule

from rarefy.errors import InputError
from rarefy.sparse.encoders.folded_words import FoldedWords
from rarefy.sparse.heads.signed_rotation import SignedRotation
from rarefy.sparse.model import Role
from rarefy.sparse.rows import heaviest, unit

__all__ = ["UnionModule"]

_FORMAT = 2
_DENSE, _HEAD, _TABLES = "dense", "head", "union.npz"


class UnionModule(InputModule):
    """Texts to words and latent entries: the one module of a SparseEncoder.

    Parameters
    ----------
    dense
        What gives dense vectors of length d.
    head
        What gives the latent entries. A query's are cut to what its words leave of
        `query_entries`.
    words
        What gives the lexical weights, over the pieces of the same tokenizer.
    query_entries
        Non-zeros of a query at most.
    fitted
        Whether the statistics of words and head are of the collection that is searched.

    Raises
    ------
    InputError
        If a number is out of range, or the parts are of different sizes.
    """

    config_file_name = "union.json"
    config_keys = [  # noqa: RUF012 - as the base class declares it
        "format_version",
        "query_entries",
        "fitted",
        "weight",
        "query_words",
        "document_words",
    ]
    forward_kwargs = {"task"}  # noqa: RUF012
    format_version = _FORMAT

    def __init__(
        self,
        dense: SentenceTransformer,
        head: SignedRotation,
        words: FoldedWords,
        *,
        query_entries: int,
        fitted: bool = False,
    ) -> None:
        super().__init__()
        width = dense.get_embedding_dimension()
        if head.in_features != width:
            raise InputError(
                f"the head takes vectors of length {head.in_features}; the encoder gives vectors "
                f"of length {width}"
            )
        if query_entries < 1:
            raise InputError(f"query_entries is {query_entries}; expected at least 1")
        self.dense = dense
        self.head = head
        self.words = words
        self.query_entries = query_entries
        self.fitted = fitted

    def rows(self, texts: list[str], vectors: NDArray[np.float32], role: Role) -> sparse.csr_array:
        """Join the words of distinct texts and the latent entries of their vectors.

        Parameters
        ----------
        texts
            n texts.
        vectors : float32 [n, d]
        role
            A query's words and latent entries are at unit length, each.

        Returns
        -------
        scipy.sparse.csr_array
            float32 [n, V + latent columns], columns sorted in each row.
        """
        words = self.words.encode(texts, role)
        latent = self.head.project(vectors, role)
        if role == "query":
            left = self.query_entries - np.diff(words.indptr)
            latent = unit(heaviest(latent, left, latent.data))
        rows = sparse.csr_array(sparse.hstack([words, latent], format="csr"))
        rows.sort_indices()
        return rows

    def preprocess(
        self, inputs: Any, prompt: str | None = None, **options: Any
    ) -> dict[str, torch.Tensor | Any]:
        """Return what the dense encoder needs, and the texts as they are."""
        return {**self.dense.preprocess(inputs, prompt=prompt, **options), "texts": list(inputs)}

    def forward(
        self, features: dict[str, Any], *, task: str | None = None, **_: Any
    ) -> dict[str, Any]:
        """Give ``sentence_embedding`` [n, V + latent columns]; no gradient goes through."""
        texts = features.pop("texts")
        vectors = self.dense(features)["sentence_embedding"]
        rows = self.rows(
            texts, vectors.float().cpu().numpy(), "query" if task == "query" else "document"
        )
        features["sentence_embedding"] = torch.from_numpy(rows.toarray()).to(vectors.device)
        return features

    def get_embedding_dimension(self) -> int:
        """Return the number of columns."""
        return self.words.vocabulary_size + self.head.vocabulary_size

    @property
    def tokenizer(self) -> Any:  # type: ignore[override]
        """The dense encoder's tokenizer."""
        return self.dense.tokenizer

    @property
    def max_seq_length(self) -> int | None:
        """Tokens that the dense encoder reads; words are counted in all of a text."""
        return self.dense.max_seq_length

    def get_config_dict(self) -> dict[str, Any]:
        """Return the numbers that make the module, beside its tables."""
        own = ("format_version", "query_entries", "fitted")
        return {key: getattr(self if key in own else self.words, key) for key in self.config_keys}

    def save(self, output_path: str, *args: Any, safe_serialization: bool = True, **_: Any) -> None:
        """Write the parts to a folder that exists, as sentence-transformers asks."""
        folder = Path(output_path)
        self.dense.save(str(folder / _DENSE), create_model_card=False)
        (folder / _HEAD).mkdir(exist_ok=True)
        self.head.save(str(folder / _HEAD), safe_serialization=safe_serialization)
        own = {f"fitted_{name}": table for name, table in self.words.statistics().items()}
        np.savez(folder / _TABLES, fold=self.words.fold, **self.words.general(), **own)
        self.save_config(output_path)

    @classmethod
    def load(  # type: ignore[override]
        cls, model_name_or_path: str, subfolder: str = "", **options: Any
    ) -> Self:
        """Read what :meth:`save` wrote, as sentence-transformers asks.

        Raises
        ------
        InputError
            If a part is missing or of another version.
        """
        kept = {"token", "cache_folder", "revision", "local_files_only"} & options.keys()
        hub = {key: options[key] for key in kept}
        settings = cls.load_config(model_name_or_path, subfolder=subfolder, **hub)
        if settings.pop("format_version", None) != _FORMAT:
            raise InputError(
                f"{model_name_or_path}: its format_version is not {_FORMAT}; expected a folder "
                "that this version of rarefy saved"
            )
        inside = {part: str(Path(subfolder, part)) for part in (_DENSE, _HEAD, _TABLES)}
        place = cls.load_dir_path(model_name_or_path, subfolder=inside[_DENSE], **hub)
        file = cls.load_file_path(model_name_or_path, filename=inside[_TABLES], **hub)
        if place is None or file is None:
            raise InputError(f"{model_name_or_path} lacks {_DENSE}/ or {_TABLES}: save it again")
        dense = SentenceTransformer(place, device="cpu", local_files_only=True)
        head = SignedRotation.load(model_name_or_path, subfolder=inside[_HEAD], **hub)
        with np.load(file, allow_pickle=False) as tables:
            general = {k: v for k, v in tables.items() if not k.startswith("fitted_")}
            own = {k.removeprefix("fitted_"): v for k, v in tables.items() if k not in general}
        limits = {key: settings.pop(key) for key in ("weight", "query_words", "document_words")}
        words = FoldedWords(dense.tokenizer, **general, **limits)
        words.restore(**own)
        return cls(dense.eval(), head.eval(), words, **settings)

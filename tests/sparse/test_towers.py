"""Several encoders and one vocabulary: routed, saved, loaded, searched."""

from __future__ import annotations

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")
st = pytest.importorskip("sentence_transformers")
image = pytest.importorskip("PIL.Image")
pytest.importorskip("efficientnet_lite_pytorch")

import rarefy  # noqa: E402
from rarefy.errors import InputError  # noqa: E402
from rarefy.sparse import (  # noqa: E402
    DenseEncoder,
    DenseToSparse,
    GivenVectors,
    ImageEncoder,
    SparseModel,
    Towers,
    Vocabulary,
    load,
)
from rarefy.sparse.encoders.efficientnet import EfficientNetLite  # noqa: E402

pytestmark = pytest.mark.models

VOCABULARY = Vocabulary([f"term{column}" for column in range(20)])


def head(in_features):
    return DenseToSparse.random(in_features, 20, threshold=0.0, query_terms=4, document_terms=6)


def words(names, seed):
    vectors = np.random.default_rng(seed).normal(size=(len(names), 8))
    pipeline = st.SentenceTransformer(modules=[GivenVectors(vectors, names)], device="cpu")
    return SparseModel(DenseEncoder(pipeline, cache=False), head(8), vocabulary=VOCABULARY)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    paths = [str(folder / f"{colour}.png") for colour in ("red", "green")]
    for path, colour in zip(paths, ((255, 0, 0), (0, 255, 0)), strict=True):
        image.new("RGB", (40, 40), colour).save(path)
    return paths


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    pipeline = st.SentenceTransformer(modules=[EfficientNetLite(32)], device="cpu").eval()
    drawn = SparseModel(ImageEncoder(pipeline, cache=False), head(1280), vocabulary=VOCABULARY)
    towers = {"en": words(["red", "green"], 0), "de": words(["rot", "grün"], 1), "image": drawn}
    return Towers(towers, query="en", document="image", name="colours")


def same(a, b):
    return a.shape == b.shape and (a != b).nnz == 0


def test_items_go_to_the_tower_of_their_role(model, pictures):
    assert same(model.encode_queries(["green"]), model["en"].encode_queries(["green"]))
    documents = model.encode_documents(pictures)
    assert same(documents, model["image"].encode_documents(pictures))
    assert documents.shape == (2, 20)
    assert model.explain(documents[[0]], 1)[0][0].startswith("term")
    assert model.pictured == {"document"}
    assert model["image"].pictured == {"document", "query"}
    german = model.between("de", "image")
    assert same(german.encode_queries(["rot"]), model["de"].encode_queries(["rot"]))
    assert german.fingerprint == model.fingerprint
    assert german.between("image", "en").fingerprint != model.fingerprint
    index = rarefy.Index.build(documents, ids=pictures)
    assert index.search(german.encode_queries(["rot"]), k=2).rows.shape == (1, 2)


def test_saved_and_loaded(model, pictures, tmp_path):
    model.save(tmp_path / "model")
    loaded = load(tmp_path / "model")
    assert isinstance(loaded, Towers)
    assert loaded.fingerprint == model.fingerprint
    assert loaded.vocabulary == VOCABULARY
    assert same(loaded.encode_documents(pictures), model.encode_documents(pictures))
    assert same(loaded.encode_queries(["red"]), model.encode_queries(["red"]))
    alone = load(tmp_path / "model" / "image")  # a tower is a model of its own
    assert alone.pictured == {"document", "query"}
    assert alone.vocabulary == VOCABULARY
    assert same(alone.encode_documents(pictures), model.encode_documents(pictures))
    library = st.SparseEncoder(str(tmp_path / "model" / "image"), trust_remote_code=True)
    assert library.get_embedding_dimension() == 20


def test_damaged(model, tmp_path):
    model.save(tmp_path / "model")
    record = tmp_path / "model" / "towers.json"
    content = json.loads(record.read_text())
    for damage in ("{", "[]", json.dumps({**content, "roles": {"query": "en"}})):
        record.write_text(damage)
        with pytest.raises(InputError, match="does not describe towers"):
            load(tmp_path / "model")
    record.write_text(json.dumps({**content, "towers": ["en", "../en"]}))
    with pytest.raises(InputError):
        load(tmp_path / "model")
    (tmp_path / "model" / "en" / "vocabulary.json").write_text("{}")
    record.write_text(json.dumps(content))
    with pytest.raises(InputError, match="is not a vocabulary"):
        load(tmp_path / "model")


def test_bad_input(model):
    towers = dict(model.towers)
    with pytest.raises(InputError, match="no tower 'fr'; expected one of en, de, image"):
        Towers(towers, query="fr", document="image")
    with pytest.raises(InputError, match="no tower 'fr'"):
        model["fr"]
    with pytest.raises(InputError, match=r"named '\.\./en'"):
        Towers({"../en": towers["en"]}, query="../en", document="../en")
    named = Vocabulary([f"word{column}" for column in range(20)])
    dense = DenseEncoder(towers["de"].encoder.dense.pipeline, cache=False)
    other = SparseModel(dense, head(8), vocabulary=named)
    with pytest.raises(InputError, match="other vocabularies"):
        Towers({"en": towers["en"], "de": other}, query="en", document="de")
    with pytest.raises(InputError, match="20 columns"):
        SparseModel(dense, head(8), vocabulary=Vocabulary(["a"]))
    with pytest.raises(InputError, match="several towers"):
        model.fit(["a", "b"])

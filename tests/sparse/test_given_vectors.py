"""Vectors that somebody else computed, behind the protocol of encoders."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sentence_transformers")

from rarefy.errors import InputError
from rarefy.sparse import DenseEncoder, GivenVectors, SignedRotation, SparseModel, load

pytestmark = pytest.mark.models


@pytest.fixture
def given(tmp_path):
    vectors = np.random.default_rng(0).normal(size=(4, 6))
    np.save(tmp_path / "vectors.npy", vectors)
    (tmp_path / "names.txt").write_text("a.wav\nb.wav\nc.wav\nd.wav\n")
    encoder = GivenVectors.encoder(tmp_path / "vectors.npy", tmp_path / "names.txt")
    return encoder, vectors.astype(np.float32)


def test_vectors_by_name(given):
    encoder, vectors = given
    np.testing.assert_array_equal(encoder.encode(["c.wav", "a.wav", "c.wav"]), vectors[[2, 0, 2]])
    assert encoder.dimension == 6
    with pytest.raises(InputError, match=r"no vector of 'e.wav'"):
        encoder.encode(["e.wav"])


def test_saved_with_a_head(given, tmp_path):
    encoder, _ = given
    model = SparseModel(encoder, SignedRotation(6, document_terms=3))
    expected = model.encode_documents(["a.wav", "d.wav"])
    assert expected.shape == (2, 12)
    model.save(tmp_path / "model")
    loaded = load(tmp_path / "model")
    assert (loaded.encode_documents(["a.wav", "d.wav"]) != expected).nnz == 0
    assert loaded.fingerprint == model.fingerprint
    assert loaded.explain(expected[[0]], 1)[0][0].isdigit()


def test_other_names_are_another_encoder(given):
    encoder, vectors = given
    other = GivenVectors(vectors, ["a", "b", "c", "d"])
    pipeline = type(encoder.pipeline)(modules=[other])
    assert DenseEncoder(pipeline, dtype="float32").fingerprint != encoder.fingerprint


def test_bad_input(tmp_path):
    for vectors, names in [
        (np.ones((2, 3)), ["a"]),
        (np.ones((2, 3)), ["a", "a"]),
    ]:
        with pytest.raises(InputError, match="expected as many of each"):
            GivenVectors(vectors, names)
    for vectors in (np.ones(3), np.ones((2, 3), dtype=int), np.full((2, 3), np.nan)):
        with pytest.raises(InputError, match="expected finite floats"):
            GivenVectors(vectors, ["a", "b"])
    (tmp_path / "no.npy").write_text("no vectors")
    with pytest.raises(InputError, match="cannot be read"):
        GivenVectors.encoder(tmp_path / "no.npy", tmp_path / "names.txt")

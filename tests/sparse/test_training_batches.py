"""Batches are a function of the step; vectors are encoded once."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.sparse import csr_array

pytest.importorskip("torch")

from rarefy.errors import InputError
from rarefy.sparse.training import PairBatches, balanced, encode_to_disk, vectors

pytestmark = pytest.mark.models

PAIRS = np.arange(20, dtype=np.float16).reshape(10, 2)


def rows_of(batch):
    return (batch.queries[:, 0] / 2).int().tolist()


def test_each_pair_once_an_epoch_in_a_new_order():
    batches = PairBatches(PAIRS, PAIRS + 100, size=5, seed=1)
    epochs = [[rows_of(batches(step)) for step in (2 * epoch, 2 * epoch + 1)] for epoch in range(3)]
    for first, second in epochs:
        assert sorted(first + second) == list(range(10))
    assert len({str(epoch) for epoch in epochs}) == 3
    assert (batches(0).documents == batches(0).queries + 100).all()


def test_a_batch_depends_on_its_step_alone():
    one, other = (PairBatches(PAIRS, PAIRS, size=3, seed=7) for _ in range(2))
    for step in (8, 0, 5, 2):
        one(step)
    assert rows_of(one(4)) == rows_of(other(4))
    assert rows_of(one(4)) != rows_of(PairBatches(PAIRS, PAIRS, size=3, seed=8)(4))


def test_seeds_with_their_nearest_neighbours():
    vectors = np.random.default_rng(0).normal(size=(30, 4)).astype(np.float16)
    batches = PairBatches(vectors + 1, vectors, size=9, seed=2, neighbours=3)
    exact = vectors.astype(np.float32)
    plain = PairBatches(vectors, vectors, size=3, seed=2)
    for step in (0, 12, 3):
        seeds = plain.rows(step)
        near = np.argsort(-(exact[seeds] @ exact.T), axis=1)[:, :3]
        rows = batches.rows(step)
        assert rows.tolist() == sorted({*seeds, *near.ravel()})
        assert batches(step).documents.numpy().tolist() == exact[rows].tolist()
    # each pair is a seed once an epoch
    assert sorted(row for step in range(10) for row in plain.rows(step)) == list(range(30))


def test_refusals():
    with pytest.raises(InputError, match="one document for each query"):
        PairBatches(PAIRS, PAIRS[:9], size=2)
    with pytest.raises(InputError, match="size is 11 for 10 pairs"):
        PairBatches(PAIRS, PAIRS, size=11)
    with pytest.raises(InputError, match="neighbours is 3; expected a divisor of the size, 8"):
        PairBatches(PAIRS, PAIRS, size=8, neighbours=3)


class Encoder:
    """Encodes a text as its length; stops after `limit` calls."""

    dimension = 2

    def __init__(self, name="one", limit=None):
        self.fingerprint, self.limit, self.calls = name, limit, []

    def encode(self, texts, role=None):
        if self.limit is not None and len(self.calls) == self.limit:
            raise KeyboardInterrupt
        self.calls.append(len(texts))
        return np.array([[len(text), 0.5] for text in texts], dtype=np.float32)


def test_encoding_goes_on_where_it_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(vectors, "_TEXTS", 4)
    texts = ["x" * length for length in range(10)]
    path = tmp_path / "new" / "vectors.npy"
    with pytest.raises(KeyboardInterrupt):
        encode_to_disk(Encoder(limit=2), texts, path)
    encoder = Encoder()
    rows = encode_to_disk(encoder, texts, path)
    assert encoder.calls == [2]
    assert rows.dtype == np.float16
    np.testing.assert_array_equal(rows, [[length, 0.5] for length in range(10)])
    assert not rows.flags.writeable


def test_what_is_complete_is_opened(tmp_path):
    path = tmp_path / "vectors.npy"
    encode_to_disk(Encoder(), ["a", "bb"], path, role="query")
    same = Encoder()
    encode_to_disk(same, ["a", "bb"], path, role="query")
    assert same.calls == []


@pytest.mark.parametrize(
    ("texts", "encoder", "role"),
    [
        (["a", "cc"], Encoder(), None),
        (["a", "bb"], Encoder("other"), None),
        (["a", "bb"], Encoder(), "query"),
        (["a", "bb", "c"], Encoder(), None),
    ],
)
def test_anything_else_is_encoded_anew(tmp_path, texts, encoder, role):
    path = tmp_path / "vectors.npy"
    encode_to_disk(Encoder(), ["a", "bb"], path)
    rows = encode_to_disk(encoder, texts, path, role=role)
    assert encoder.calls == [len(texts)]
    assert rows[:, 0].tolist() == [len(text) for text in texts]


def test_a_broken_note_or_file_is_made_anew(tmp_path):
    path = tmp_path / "vectors.npy"
    for broken in (lambda: path.with_name("vectors.npy.json").write_text("{"),
                   lambda: path.write_bytes(b"no array")):  # fmt: skip
        encode_to_disk(Encoder(), ["a", "bb"], path)
        broken()
        assert encode_to_disk(Encoder(), ["a", "bb"], path)[:, 0].tolist() == [1, 2]
    assert json.loads(path.with_name("vectors.npy.json").read_text())["rows"] == 2
    with pytest.raises(InputError, match="no texts to encode"):
        encode_to_disk(Encoder(), [], path)


def test_balanced_texts():
    random = np.random.default_rng(0)
    terms = np.zeros((2000, 4), dtype=np.float32)
    terms[:1500, 0] = 1  # a word of many texts
    terms[1500:1520, 1] = 1  # a word of few
    terms[random.choice(1500, 10, replace=False), 2] = 1  # many of them have a rare one, too
    rows = balanced(csr_array(terms), 100, seed=1)
    kept = terms[rows].sum(0)
    assert 70 < kept[0] < 145
    assert kept[1:].tolist() == [20, 10, 0]
    assert rows.tolist() == sorted(set(rows.tolist()))
    assert rows.max() < 1520  # those without words are left out
    np.testing.assert_array_equal(balanced(csr_array(terms), 100, seed=1), rows)
    assert len(balanced(csr_array(terms), 5000)) == 1520
    with pytest.raises(InputError, match="most is 0"):
        balanced(csr_array(terms), 0)

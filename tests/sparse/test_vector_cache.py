"""The cache of vectors: found again, never wrong, shared and resumed."""

from __future__ import annotations

import sqlite3
import subprocess
import sys

import pytest

from rarefy.errors import InputError
from rarefy.sparse.cache import VectorCache, cache_folder, text_key
from rarefy.sparse.encoders.batches import Codec, encode_in_batches

CODEC = Codec(str.encode, bytes.decode)


def encode(texts, cache, encoder, batch_size=2):
    found = encode_in_batches(
        texts,
        "document",
        encoder,
        cache=cache,
        codec=CODEC,
        batch_size=batch_size,
        advance=lambda n: None,
    )
    return {texts[position]: (vector, computed) for position, vector, computed in found}


def upper(texts):
    return [text.upper() for text in texts]


def test_folder_comes_from_the_environment(tmp_path):
    assert cache_folder() == tmp_path / "cache"


def test_keys_tell_texts_and_roles_apart():
    keys = {text_key(t, r) for t in ("a", "b", "", "é") for r in ("query", "document", None)}
    assert len(keys) == 12


def test_found_again(tmp_path):
    cache = VectorCache("f", tmp_path)
    items = {text_key(str(i), None): bytes([i % 256]) * i for i in range(1200)}
    cache.write(items.items())
    assert VectorCache("f", tmp_path).read(list(items)) == items
    assert VectorCache("other", tmp_path).read(list(items)) == {}
    assert cache.read([]) == {}


def test_a_flipped_byte_is_encoded_again(tmp_path):
    cache = VectorCache("f", tmp_path)
    encode(["one", "two"], cache, upper)
    with sqlite3.connect(cache.path) as connection:
        connection.execute(
            "UPDATE vectors SET value = ? WHERE key = ?", (b"xxx", text_key("one", "document"))
        )
    assert encode(["one", "two"], cache, upper) == {"one": ("ONE", True), "two": ("TWO", False)}
    assert encode(["one"], cache, upper) == {"one": ("ONE", False)}


def test_a_value_swapped_with_another_row_s_is_not_taken(tmp_path):
    cache = VectorCache("f", tmp_path)
    encode(["one", "two"], cache, upper)
    with sqlite3.connect(cache.path) as connection:
        connection.execute(
            "UPDATE vectors SET (value, checksum) = (SELECT value, checksum FROM vectors "
            "WHERE key = ?) WHERE key = ?",
            (text_key("two", "document"), text_key("one", "document")),
        )
    assert encode(["one"], cache, upper) == {"one": ("ONE", True)}


@pytest.mark.parametrize("content", [b"not a database, but long enough to be taken for one" * 90])
def test_a_damaged_file_gives_a_clear_error(tmp_path, content):
    cache = VectorCache("f", tmp_path)
    cache.path.write_bytes(content)
    with pytest.raises(InputError, match="delete it"):
        cache.read([b"k"])


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cache=False"):
        VectorCache("f", tmp_path / "file").read([b"k"])


def test_resumes_after_the_last_whole_batch(tmp_path):
    cache = VectorCache("f", tmp_path)
    texts = [f"text {i}" for i in range(7)]
    calls = []

    def dies(batch):
        calls.append(batch)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return upper(batch)

    with pytest.raises(KeyboardInterrupt):
        encode(texts, cache, dies)
    rest = encode(texts, cache, upper)
    assert sorted(text for text, (_, computed) in rest.items() if computed) == texts[4:]
    assert all(vector == text.upper() for text, (vector, _) in rest.items())


FILL = """
import sys
from rarefy.sparse.cache import VectorCache, text_key
cache = VectorCache("shared", sys.argv[1])
for start in range(int(sys.argv[2]), int(sys.argv[3]), 5):
    texts = [f"text {i}" for i in range(start, start + 5)]
    cache.write((text_key(text, "document"), text.upper().encode()) for text in texts)
    print(start, flush=True)
"""


def fill(folder, start, stop):
    command = [sys.executable, "-c", FILL, str(folder), str(start), str(stop)]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


def test_two_processes_at_once(tmp_path):
    for process in [fill(tmp_path, 0, 200), fill(tmp_path, 100, 300)]:
        process.communicate(timeout=120)
        assert process.returncode == 0
    texts = [f"text {i}" for i in range(300)]
    found = encode(texts, VectorCache("shared", tmp_path), upper)
    assert found == {text: (text.upper(), False) for text in texts}


def test_killed_in_the_middle(tmp_path):
    process = fill(tmp_path, 0, 100_000)
    for _ in range(3):
        process.stdout.readline()
    process.kill()
    done = 5 * (3 + len(process.communicate(timeout=60)[0].splitlines()))
    texts = [f"text {i}" for i in range(done + 50)]
    found = encode(texts, VectorCache("shared", tmp_path), upper)
    assert not any(found[text][1] for text in texts[:done])
    assert all(found[text][1] for text in texts[done + 10 :])
    assert all(vector == text.upper() for text, (vector, _) in found.items())

"""The examples run."""

import json
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.models


def test_live_search(root, tmp_path):
    done = subprocess.run(
        [sys.executable, root / "examples" / "live_search.py"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "TMPDIR": str(tmp_path)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    before, after = done.stdout.split("after it:\n")
    assert "The cat sat" in before and "A recipe" in before
    assert after.split()[0] == "cat" and "A cat flap" in after and "2024" in after
    assert after.splitlines()[-1] == "older ones: [None]"
    assert len((root / "examples" / "live_search.py").read_text().splitlines()) <= 30


def test_emoji_page(root, tmp_path):
    image = pytest.importorskip("PIL.Image")
    st = pytest.importorskip("sentence_transformers")
    import numpy as np

    from rarefy.sparse import DenseEncoder, DenseToSparse, GivenVectors, SparseModel, Vocabulary

    folder = tmp_path / "pictures"
    (folder / "qrels").mkdir(parents=True)
    picture = tmp_path / "cat.png"
    image.new("RGB", (8, 8), "red").save(picture)
    (folder / "corpus.jsonl").write_text(json.dumps({"_id": "0", "text": str(picture)}))
    (folder / "queries.jsonl").write_text(json.dumps({"_id": "0", "text": "a <cat>"}))
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n0\t0\t1\n")
    given = GivenVectors(np.ones((1, 2), dtype=np.float32), [str(picture)])
    encoder = DenseEncoder(st.SentenceTransformer(modules=[given]), cache=False)
    head = DenseToSparse.random(2, 3, threshold=0.0)
    SparseModel(encoder, head, vocabulary=Vocabulary(["pet", "fur", "sea"])).save(
        tmp_path / "model"
    )
    done = subprocess.run(
        [
            *(sys.executable, root / "examples" / "emoji_page.py"),
            *(tmp_path / "model", folder, tmp_path / "page.html"),
        ],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "RAREFY_CACHE": str(tmp_path / "cache")},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == 1
    assert "<td>a &lt;cat&gt;<td>" in page
    assert any(term in page for term in ("pet", "fur", "sea"))


def test_emoji_search(root, desk, tmp_path):
    pytest.importorskip("sentence_transformers")
    from rarefy.index import Index

    pictures = ["cat.png", "sushi.png"]
    model = desk.towers(en=("cat", "sushi"), languages=("Katze", "寿司"), image=tuple(pictures))
    model.save(tmp_path / "model")
    documents = model.encode_documents(pictures)
    Index.build(documents, ids=["1F408-200D-2B1B", "1F363"]).save(tmp_path / "index")
    done = subprocess.run(
        [
            *(sys.executable, root / "examples" / "emoji_search.py"),
            *(tmp_path / "model", tmp_path / "index", "寿司", "Katze"),
        ],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONIOENCODING": "utf-8"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    sushi, cat = done.stdout.splitlines()
    assert sushi.startswith("寿司: 🍣")
    assert cat.startswith("Katze: 🐈\u200d⬛")

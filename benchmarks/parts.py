"""Benchmarks of several parts, each of which may be run alone: one file holds the last of each."""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rarefy.eval.environment import environment

__all__ = ["Part", "run"]

Part = Callable[[Path, bool], dict[str, Any]]
"""Measures in an empty folder, as a toy or not, and returns what it found."""


def run(parts: Mapping[str, Part], result: Path, description: str | None) -> None:
    """Run the command line of a benchmark; write after each part."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", help=", ".join(parts))
    parser.add_argument("--smoke", action="store_true", help="a toy, in seconds")
    parser.add_argument("--out", type=Path, default=result)
    options = parser.parse_args()
    if unknown := set(options.parts) - set(parts):
        parser.error(f"there is no part {min(unknown)!r}; there are {', '.join(parts)}")
    for name in options.parts or parts:
        home = Path(tempfile.mkdtemp(prefix=f"{name}-"))
        began, code = time.perf_counter(), environment()  # the code that runs, not a later one
        try:
            measured = parts[name](home, options.smoke)
        finally:
            shutil.rmtree(home)
        part = {
            "smoke": options.smoke,
            **measured,
            "seconds": round(time.perf_counter() - began, 1),
            "environment": code,
        }
        print(name, json.dumps({**part, "environment": None}, indent=1), flush=True)
        path = options.out
        known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        known[name] = part
        ordered = {each: known[each] for each in parts if each in known}
        path.write_text(json.dumps(ordered, indent=1) + "\n", encoding="utf-8")

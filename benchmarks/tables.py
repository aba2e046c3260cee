"""The tables of the README and of docs/, from the JSON files in results/.

    python benchmarks/tables.py README.md ...            writes them
    python benchmarks/tables.py --check README.md ...    fails if they are not what the files give
    python benchmarks/tables.py --keep out/demo          copies a run's results.json to results/

A table stands between ``<!-- begin NAME -->`` and ``<!-- end NAME -->``.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from quality import confusions_table, languages_table, reproductions_table, space_table
from targets import LARGER, SMALLER, best, growth_targets, targets, targets_table

from rarefy.eval.report import format_table

RESULTS = Path(__file__).parent / "results"
ENGINE_LEVELS = {0.9: "recall=0.9", 0.95: "recall=0.95", 0.99: "recall=0.99", 0.9995: "exact"}
"""Least recall -> what rarefy is asked for. Ties that rounded weights swap are no loss."""


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("paths", type=Path, nargs="+")
    options = parser.parse_args()
    for path in options.paths:
        if options.keep:
            keep(path)
            continue
        before = path.read_text(encoding="utf-8")
        after = filled(before)
        if options.check and before != after:
            sys.exit(f"{path} is not what the results give: run `make docs`")
        path.write_text(after, encoding="utf-8")


def keep(folder: Path) -> None:
    """Copy a run's results.json, without its queries and texts, to the results."""
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    results["examples"] = []
    for system in results["systems"]:
        system.pop("per_query", None)
    path = RESULTS / f"{results['collection']['name']}.json"
    path.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def filled(text: str) -> str:
    """Return the text with each table that a marker names."""

    def table(found: re.Match[str]) -> str:
        name = found.group(1)
        file = FILES.get(name, name)
        result = json.loads((RESULTS / f"{file}.json").read_text(encoding="utf-8"))
        body = TABLES.get(name, run_table)(result)
        return f"<!-- begin {name} -->\n{body.strip()}\n<!-- end {name} -->"

    return re.sub(r"<!-- begin (\S+) -->.*?<!-- end \1 -->", table, text, flags=re.DOTALL)


def run_table(result: dict[str, Any]) -> str:
    """Return the table of a benchmark run."""
    return format_table(result, style="markdown")


def exact_table(result: dict[str, Any]) -> str:
    """Return exact search beside other exact engines: ratios of mean times."""
    tables = result["tables"]
    names = [engine["name"] for engine in tables[0]["engines"]]
    heads = [f"{t['query_nnz']:.0f} non-zeros, k={t['k']}" for t in tables]
    lines = ["| engine | " + " | ".join(heads) + " |", "|---|" + "--:|" * len(heads)]
    for i, name in enumerate(names):
        ratios = [t["engines"][i]["times_rarefy"] for t in tables]
        lines.append(f"| {name} | " + " | ".join(f"{ratio:.1f}" for ratio in ratios) + " |")
    return "\n".join(lines)


def engine_table(result: dict[str, Any]) -> str:
    """Return every engine's time at each recall in units of rarefy's, and the targets."""
    lines = ["| engine | recall .90 | .95 | .99 | exact |", "|---|--:|--:|--:|--:|"]
    ours = [best(result, f"rarefy, {what}", 0) for what in ENGINE_LEVELS.values()]
    units = [engine["search_us"]["mean"] for engine in ours if engine is not None]
    names = dict.fromkeys(e["name"] for e in result["engines"] if "rarefy" not in e["name"])
    lines.append("| rarefy" + " | 1.0" * len(units) + " |")
    for name in names:
        cells = []
        for recall, unit in zip(ENGINE_LEVELS, units, strict=True):
            peer = best(result, name, recall)
            cells.append("" if peer is None else f"{peer['search_us']['mean'] / unit:.1f}")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n\n" + both_targets(result)


def both_targets(result: dict[str, Any]) -> str:
    """Return the targets at both sizes; those of growth stand with the larger."""
    large, scaling = _read(f"engine-{LARGER}"), _read("scaling")
    growth = growth_targets(scaling or {"collections": []})
    return targets_table(
        [
            (f"{SMALLER:,} documents", targets(result, SMALLER)),
            (f"{LARGER:,}", [*targets(large, LARGER), *growth]),
        ]
    )


def _read(name: str) -> dict[str, Any] | None:
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def encoding_table(result: dict[str, Any]) -> str:
    """Return the speed of encoding beside sentence-transformers' own."""
    ratios = [table["ratio"]["median"] for table in result["tables"]]
    return f"{min(ratios):.1f} to {max(ratios):.1f}"


TABLES: dict[str, Callable[[dict[str, Any]], str]] = {
    "confusions": confusions_table,
    "encoding": encoding_table,
    "engine": engine_table,
    "exact": exact_table,
    "languages": languages_table,
    "reproductions": reproductions_table,
    "space": space_table,
}
FILES = {"confusions": "space", "languages": "space"}
"""Table -> the result that it is made from, where the names differ."""


if __name__ == "__main__":
    main()

"""The tables of the README and of docs/, from the JSON files in results/.

    python benchmarks/tables.py README.md ...            writes them
    python benchmarks/tables.py --check README.md ...    fails if they are not what the files give
    python benchmarks/tables.py --keep out/demo          copies a run's results.json to results/

A table stands between ``<!-- begin NAME -->`` and ``<!-- end NAME -->``; NAME is of the file, or
FILE/PART.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from capacity import cluster_table, failing_table, left_out_table, plans_table, theory_table
from promises import durability_table, live_table, network_table, offline_table, recall_table
from quality import (
    confusions_table,
    hashing_table,
    languages_table,
    reproductions_table,
    space_table,
    towers_languages_table,
    towers_table,
    towers_terms_table,
    translations_table,
)
from service import modes_table, serving_table, soak_table
from targets import LARGER, SMALLER, best, growth_targets, targets, targets_table

from rarefy.eval.report import format_table

RESULTS = Path(__file__).parent / "results"
ENGINE_LEVELS = {0.9: "recall=0.9", 0.95: "recall=0.95", 0.99: "recall=0.99", 0.9995: "exact"}
"""Least recall -> what rarefy is asked for. Ties that rounded weights swap are no loss."""
RUN_MEASURES = ("nDCG@10", "R@100", "RR@10")


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
        file = RESULTS / f"{name.partition('/')[0]}.json"
        result = json.loads(file.read_text(encoding="utf-8"))
        body = TABLES.get(name, run_table)(result)
        return f"<!-- begin {name} -->\n{body.strip()}\n<!-- end {name} -->"

    return re.sub(r"<!-- begin (\S+) -->.*?<!-- end \1 -->", table, text, flags=re.DOTALL)


def run_table(result: dict[str, Any]) -> str:
    """Return the table of a benchmark run, narrow enough for a page."""
    systems = [
        {
            **{key: value for key, value in system.items() if key != "unjudged@10"},
            "measures": {name: system["measures"][name] for name in RUN_MEASURES},
        }
        for system in result["systems"]
    ]
    tests = [row for row in result.get("comparisons", ()) if row["measure"] in RUN_MEASURES]
    shown = {**result, "systems": systems, "comparisons": tests}
    return format_table(shown, style="markdown", brief=True)


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
    """Return every engine's time at each recall in units of rarefy's."""
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
    return "\n".join(lines)


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


def stores_table(result: dict[str, Any]) -> str:
    """Return what other databases find, and their times by that of the exact PostgreSQL."""
    rows = result["stores"]
    unit = next(row["ms"] for row in rows if row["name"] == "PostgreSQL, no index")
    lines = ["| store | recall@10 | time of a query | documents/s, push |", "|---|--:|--:|--:|"]
    for row in rows:
        speed = row["push_docs_per_s"]
        pushed = "" if speed is None else f"{speed:,.0f}"
        lines.append(f"| {row['name']} | {row['recall']:.4f} | {row['ms'] / unit:.2f} | {pushed} |")
    return "\n".join(lines)


def encoding_table(result: dict[str, Any]) -> str:
    """Return the speed of encoding beside sentence-transformers' own, as a sentence."""
    ratios = [table["ratio"]["median"] for table in result["tables"]]
    return (
        f"It is {min(ratios):.1f} to {max(ratios):.1f} times as fast on one core as "
        "sentence-transformers' own\n`SparseEncoder.encode` on the same model, by "
        "`benchmarks/encoding.py`."
    )


def shipped_table(result: dict[str, Any]) -> str:
    """Return the shipped model beside what it is made of, on each test collection."""
    tests, overall = result["tests"], result["all"]
    names = {
        "bm25": "BM25 over word-pieces",
        "dense": "dense, exhaustive",
        "fusion": "BM25 + dense, z-score sum",
        "fitted": "**minilm-d2s**",
        "general": "minilm-d2s without `fit`",
    }
    lines = ["| | " + " | ".join(row["name"] for row in tests) + " | mean |"]
    lines.append("|---" * (len(tests) + 2) + "|")
    for system, title in names.items():
        cells = []
        for row in (*tests, overall):
            cell = f"{row['ndcg'][system]:.4f}"
            if system != "fitted":
                gap = row["ndcg"]["fitted"] - row["ndcg"][system]
                cell += f" ({gap:+.3f}, p {row['p'][system]:.2g})"
            cells.append(cell)
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    for part in ("query", "document"):
        counts = [row["costs"]["fitted"][f"{part}_nnz"] for row in tests]
        cells = " | ".join(f"{mean:.0f}, {most}" for mean, most in counts)
        lines.append(f"| non-zeros of a {part}: mean, most | {cells} | |")
    for kind, title in (("fitted", "FLOPs"), ("general", "FLOPs without `fit`")):
        costs = [row["costs"][kind]["flops"] for row in tests]
        cells = " | ".join(f"{cost:.2f}" for cost in (*costs, sum(costs) / len(costs)))
        lines.append(f"| {title} | {cells} |")
    return "\n".join(lines)


def shipped_seeds(result: dict[str, Any]) -> str:
    """Return nDCG@10 with other rotations than the shipped one."""
    rows = [*result["tuning"], *result["tests"]]
    heads = " | ".join(f"{row['name']} {row['split']}" for row in rows)
    lines = [f"| seed | {heads} | mean of the tests |", "|---" * (len(rows) + 2) + "|"]
    for seed in range(len(rows[0]["seeds"])):
        values = [row["seeds"][seed] for row in rows]
        tests = values[len(result["tuning"]) :]
        cells = " | ".join(f"{value:.4f}" for value in (*values, sum(tests) / len(tests)))
        lines.append(f"| {seed}{' (shipped)' if seed == 0 else ''} | {cells} |")
    return "\n".join(lines)


def shipped_readable(result: dict[str, Any]) -> str:
    """Return what documents' entries are."""
    parts = {
        "own": "own pieces or their inflections, of the 20 heaviest entries",
        "words": "words, of all weight",
        "silent": "punctuation and special tokens, of all weight",
    }
    lines = ["| | " + " | ".join(row["name"] for row in result["tests"]) + " |"]
    lines.append("|---" * (len(result["tests"]) + 1) + "|")
    for part, title in parts.items():
        cells = " | ".join(f"{row['readable'][part]:.2%}" for row in result["tests"])
        lines.append(f"| {title} | {cells} |")
    return "\n".join(lines)


def shipped_examples(result: dict[str, Any]) -> str:
    """Return texts and their heaviest entries."""
    lines = ["| collection | kind | text (start) | heaviest entries |", "|---|---|---|---|"]
    for name, kind, text, entries in result["examples"]:
        shown = ", ".join(f"{term} {weight:.2f}" for term, weight in entries)
        lines.append(
            f"| {name} | {kind} | {' '.join(text.split())} | {shown} |".replace("<", "&lt;")
        )
    return "\n".join(lines)


def losses_table(result: dict[str, Any]) -> str:
    """Return what a head became by each objective: quality, readability, cost."""
    lines = [
        "| objective | SciFact train | NFCorpus dev | share of dense | p: untrained | p: KL "
        "| own terms | with WordNet's | FLOPs | loss |",
        "|---|" + "--:|" * 9,
    ]
    for run in result["runs"]:
        sides = [run["scifact"], run["nfcorpus"]]
        cells = [f"{side['ndcg']:.4f}" for side in sides]
        cells.append(", ".join(f"{share:.3f}" for share in run["seeds"]))
        cells += [_p(run["p"].get(reference)) for reference in ("untrained", "KL")]
        cells += [_mean(sides, level, ".2f") for level in ("inflections", "neighbours")]
        cells.append(_mean(sides, "flops", ".1f"))
        cells.append(" to ".join(f"{loss:.2f}" for loss in run.get("loss", ())))
        lines.append(f"| {run['name']} | " + " | ".join(cells) + " |")
    chance = result["chance"]
    lines.append(
        f"| *any columns at random* | | | | | | {chance['inflections']:.2f} "
        f"| {chance['neighbours']:.2f} | | |"
    )
    return "\n".join(lines)


def pooled_table(result: dict[str, Any]) -> str:
    """Return heads over the pooled vector at each number of terms."""
    names = ("scifact", "nfcorpus", "cranfield", "cacm")
    lines = [
        "| terms | head | columns | SciFact | NFCorpus | Cranfield | CACM | mean "
        "| p: control | own terms | with WordNet's | FLOPs |",
        "|---|---|" + "--:|" * 10,
    ]
    for row in result["rows"]:
        sides = [row[name] for name in names]
        cells = ["/".join(map(str, row["terms"])), row["name"], f"{row['columns']:,}"]
        cells += [f"{side['share']:.3f}" for side in sides]
        cells += [f"{row['mean']:.3f}", _p(row.get("p"))]
        cells += [_mean(sides, level, ".2f") for level in ("inflections", "neighbours")]
        lines.append("| " + " | ".join([*cells, _mean(sides, "flops", ".1f")]) + " |")
    return "\n".join(lines)


def unfrozen_table(result: dict[str, Any]) -> str:
    """Return what learns, and how good the head then is."""
    lines = ["| what learns | nDCG@10, NFCorpus dev | loss | seconds |", "|---|--:|--:|--:|"]
    for run in result["runs"]:
        loss = " to ".join(f"{value:.3f}" for value in run.get("loss", ()))
        lines.append(f"| {run['name']} | {run['ndcg']:.4f} | {loss} | {run.get('seconds', '')} |")
    return "\n".join(lines)


def _p(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _mean(sides: list[dict[str, Any]], name: str, form: str) -> str:
    values = [side[name] for side in sides if name in side]
    return f"{sum(values) / len(values):{form}}" if values else "-"


TABLES: dict[str, Callable[[dict[str, Any]], str]] = {
    "durability": durability_table,
    "cluster": live_table,
    "cluster/offline": offline_table,
    "cluster/recall": recall_table,
    "encoding": encoding_table,
    "engine": engine_table,
    "engine/targets": both_targets,
    "exact": exact_table,
    "hashing": hashing_table,
    "live": live_table,
    "losses": losses_table,
    "modes": modes_table,
    "network": network_table,
    "pooled": pooled_table,
    "reproductions": reproductions_table,
    "scale/cluster": cluster_table,
    "scale/failing": failing_table,
    "scale/left-out": left_out_table,
    "scale/plans": plans_table,
    "scale/theory": theory_table,
    "serving": serving_table,
    "shipped": shipped_table,
    "shipped/examples": shipped_examples,
    "shipped/readable": shipped_readable,
    "shipped/seeds": shipped_seeds,
    "soak": soak_table,
    "space": space_table,
    "space/confusions": confusions_table,
    "space/languages": languages_table,
    "stores": stores_table,
    "towers": towers_table,
    "towers/languages": towers_languages_table,
    "towers/terms": towers_terms_table,
    "translations": translations_table,
    "unfrozen": unfrozen_table,
}


if __name__ == "__main__":
    main()

"""Tables of what an index on disk promises: the proofs, and how quick it is while it changes."""

from __future__ import annotations

from typing import Any

from targets import met

__all__ = ["durability_table", "live_table", "network_table", "offline_table", "recall_table"]

TITLES = {
    "crashes": "the process or the power ends, or the disk is full or broken, at each operation",
    "kills": "kill -9 at random moments, two processes reading",
    "damage": "bytes changed and files cut",
    "machine": "random lives against a dictionary (Hypothesis)",
    "fuzzing": "inputs with checksums that fit, guided by coverage (libFuzzer)",
    "together": "one writer, eight threads and four processes that read",
    "copies": "the folder copied slowly while a writer commits",
}

FAULTS = {
    "cut": "the link of a node is cut",
    "kill": "all processes of a node are killed",
    "slow": "a node's processes are stopped for 300 of each 350 ms, for 10 s",
    "full": "the storage is full at a commit, and then has room",
}


def durability_table(result: dict[str, Any]) -> str:
    """Return what each proof counted."""
    lines = ["| proof | counted | minutes |", "|---|---|--:|"]
    for name, proof in result.items():
        short = " (a short run)" if proof["smoke"] else ""
        counts = ", ".join(f"{number:,} {what}" for what, number in proof["counts"].items())
        lines.append(f"| {TITLES[name]}{short} | {counts} | {proof['seconds'] / 60:.1f} |")
    return "\n".join(lines)


def network_table(result: dict[str, Any]) -> str:
    """Return what an index of several nodes bore."""
    lines = [
        "| fault | queries | failed | median before, ms | during it | slowest | full strength, s |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for name, part in result.items():
        cells = [f"{part['queries']:,}", str(part["failed"])]
        for key in ("median_ms", "during_median_ms", "slowest_ms", "full_strength_s"):
            value = part.get(key)
            cells.append("" if value is None else f"{value:.0f}")
        lines.append(f"| {FAULTS[name]} | {' | '.join(cells)} |")
    return "\n".join(lines)


def offline_table(result: dict[str, Any]) -> str:
    """Return what a build of one worker takes, and of two; and what laying out does."""
    build, layout = result["build"], result["layout"]
    one, two = (build["seconds_by_workers"][workers] for workers in ("1", "2"))
    texts, n = f"{build['documents']:,} texts", f"{layout['documents']:,} vectors"
    same = "the same bytes" if build["same_bytes"] else "other bytes"
    lines = [
        "| step | figure | |",
        "|---|--:|---|",
        f"| {texts}, one worker | {one:.1f} s | {build['documents'] / one:.0f} texts/s |",
        f"| {texts}, two workers | {two:.1f} s | {one / two:.2f} times as fast, {same} |",
    ]
    for name, seconds in layout["processor_seconds"].items():
        what = "written as slices" if name == "slices" else f"laid out as segments: {name}"
        lines.append(f"| {n} {what} | {seconds:.2f} s | of one processor |")
    return "\n".join(lines)


def live_table(result: dict[str, Any]) -> str:
    """Return the targets of a live index."""
    lines = ["| figure | documents | target | measured | |", "|---|--:|--:|--:|---|"]
    lines += [
        f"| {target['target']} | {part['documents']:,} | {target['bound']} "
        f"| {target['measured']:.3g} | {met(target)} |"
        for part in result.values()
        for target in part["targets"]
    ]
    return "\n".join(lines)


def recall_table(result: dict[str, Any]) -> str:
    """Return the recall over shards of which each is asked for one."""
    found = result["recall"]["recall"]
    shards = list(next(iter(found.values())))
    lines = [f"| recall asked | {' | '.join(f'{n} shards' for n in shards)} |"]
    lines += ["|--:|" + "--:|" * len(shards)]
    lines += [
        f"| {asked} | {' | '.join(f'{of[n]:.4f}' for n in shards)} |" for asked, of in found.items()
    ]
    return "\n".join(lines).replace("| 1 shards", "| 1 shard")

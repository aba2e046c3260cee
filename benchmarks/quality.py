"""Tables of docs/reproductions.md and docs/diagnostics.md."""

from __future__ import annotations

from typing import Any

__all__ = ["confusions_table", "languages_table", "reproductions_table", "space_table"]


def reproductions_table(result: dict[str, Any]) -> str:
    """Return published values beside ours, and why some cannot be compared."""
    heads = ["name", "system", "measure", "published", "ours", "difference", "verdict"]
    lines = [_line(heads), "|---|---|---|--:|--:|--:|---|"]
    for row in result["rows"]:
        ours = row["ours"]
        difference = None if ours is None else round(row["difference"], 4) + 0.0  # no -0.0000
        values = ["-", "-"] if ours is None else [f"{ours:.4f}", f"{difference:+.4f}"]
        cells = [row["name"], row["system"], row["measure"], f"{row['published']:.4f}"]
        lines.append(_line([*cells, *values, row["verdict"]]))
    notes = {f"{r['name']}, {r['verdict']}": r["note"] for r in result["rows"] if r["note"]}
    return "\n".join(lines) + "".join(f"\n\n{name}: {note}." for name, note in notes.items())


def space_table(result: dict[str, Any]) -> str:
    """Return the spaces of every model, a collection after the other."""
    heads = ["collection", "model", "alignment", "uniformity", "gap", "CKA", "neighbours"]
    terms = ["dead terms", "in over half", "co-activation"]
    lines = [_line([*heads, *terms]), "|---|---|" + "--:|" * 8]
    for collection, rows in result["spaces"].items():
        for row in rows:
            values = [row["alignment"], row["uniformity"], row["query_document_gap"]["distance"]]
            values += [row["cka_with_dense"], row["neighbours_of_dense"]]
            cells = [collection, row["model"], *(f"{value:.3f}" for value in values)]
            if "vocabulary" in row:
                cells.append(f"{row['dead_terms']:,} of {row['vocabulary']:,}")
                cells += [str(row["over_used_terms"]), f"{row['co_activation']:.3f}"]
            lines.append(_line(cells + ["-"] * (10 - len(cells))))
    return "\n".join(lines)


def confusions_table(result: dict[str, Any]) -> str:
    """Return how well confused captions are told apart, before and after."""
    rows = result["confusions"]
    heads = ["vectors", "confused pairs", "their mean cosine", "told apart"]
    lines = [_line(heads), "|---|--:|--:|--:|"]
    first = rows[0]
    dense = ["dense", first["confused_pairs"], first["mean_dense_cosine"]]
    table = [[*dense, first["dense_told_apart"]]]
    for row in rows:
        found = [row["model"], row["confused_pairs"], row["mean_sparse_cosine"]]
        table.append([*found, row["sparse_told_apart"]])
    lines += [_line([name, f"{n:,}", f"{mean:.3f}", f"{s:.3f}"]) for name, n, mean, s in table]
    return "\n".join(lines)


def languages_table(result: dict[str, Any]) -> str:
    """Return the median rank of the answer in each language, and how much ranks differ."""
    rows = result["languages"]
    languages = rows[0]["languages"]
    heads = ["model", *(f"median rank, {language}" for language in languages), "MRV", "deviation"]
    lines = [_line(heads), "|---|" + "--:|" * (len(languages) + 2)]
    for row in rows:
        medians = [f"{row['median_rank'][language]:.0f}" for language in languages]
        spread = [f"{row['rank_variance']:.0f}", f"{row['rank_deviation']:.1f}"]
        lines.append(_line([row["model"], *medians, *spread]))
    return "\n".join(lines)


def towers_table(result: dict[str, Any]) -> str:
    """Return how names find pictures, in each style and with each system."""
    lines = ["| style | system | R@1 | R@10 | MRR |", "|---|---|--:|--:|--:|"]
    for style, found in result["styles"].items():
        for name, row in found["systems"].items():
            lines.append(_line([style, name, *(f"{row[of]:.3f}" for of in ("R@1", "R@10", "MRR"))]))
    return "\n".join(lines)


def towers_languages_table(result: dict[str, Any]) -> str:
    """Return how other languages find pictures, and translations of their names."""
    heads = ["name in", "picture, R@10", "English, P@1", "back", "ridge, P@1", "back"]
    lines = [_line(heads), "|---|" + "--:|" * (len(heads) - 1)]
    for code, row in result["translations"].items():
        picture = result["styles"]["windows"]["languages"][code]["R@10"]
        cells = [picture, *(row[key] for key in ("towers", "towers back", "dense", "dense back"))]
        lines.append(_line([code, *(f"{cell:.3f}" for cell in cells)]))
    return "\n".join(lines)


def towers_terms_table(result: dict[str, Any]) -> str:
    """Return the heaviest terms of some pictures of the unseen style."""
    rows = result["styles"]["windows"]["examples"]
    cells = [[row["emoji"], row["name"], ", ".join(row["terms"])] for row in rows]
    heads = ["| emoji | name | heaviest terms of the picture |", "|---|---|---|"]
    return "\n".join([*heads, *map(_line, cells)])


def translations_table(result: dict[str, Any]) -> str:
    """Return how translations find each other."""
    heads = ["collection", "queries", "dense alignment", "towers", "share", "towers of emoji"]
    lines = [_line(heads), "|---|" + "--:|" * (len(heads) - 1)]
    for name, row in result["collections"].items():
        share = row["towers"] / row["dense"]
        values = [
            f"{row['dense']:.3f}",
            f"{row['towers']:.3f}",
            f"{share:.0%}",
            f"{row['emoji']:.3f}",
        ]
        lines.append(_line([name, f"{row['queries']:,}", *values]))
    return "\n".join(lines)


def hashing_table(result: dict[str, Any]) -> str:
    """Return bits in an inverted index and in FAISS's."""
    names = list(result["collections"])
    parts = ("nDCG@10", "µs, p50", "bytes a document")
    heads = ["", *(f"{name}: {part}" for name in names for part in parts)]
    lines = [_line(heads), "|---|" + "--:|" * (len(heads) - 1)]
    for system in result["collections"][names[0]]:
        cells = [system]
        for name in names:
            row = result["collections"][name][system]
            cells += [f"{row['ndcg']:.4f}", f"{row['us']:,.0f}", f"{row['bytes']:,.0f}"]
        lines.append(_line(cells))
    return "\n".join(lines)


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"

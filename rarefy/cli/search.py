"""``rarefy search``: the best documents for a text, or for vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rarefy.cli.arguments import AsJson, IndexFolder
from rarefy.cli.output import print_json

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from rarefy.index import Hits, Index
    from rarefy.origin import Origin

__all__ = ["search"]

SHOWN = 10  # terms of an explanation, which --json gives whole
INDENT = 17  # where ids begin


def search(
    folder: IndexFolder,
    text: Annotated[
        str | None, typer.Argument(metavar="TEXT", show_default=False, help="What to search for.")
    ] = None,
    k: Annotated[int, typer.Option("-k", min=1, help="How many documents.")] = 10,
    recall: Annotated[
        float | None,
        typer.Option(
            metavar="R",
            show_default=False,
            help="Find at least this share of the exact results, in the mean, and faster.",
        ),
    ] = None,
    filter: Annotated[
        str | None,
        typer.Option(
            metavar="EXPR",
            show_default=False,
            help="Only documents whose fields fulfil this: \"year >= 2020 and lang == 'en'\".",
        ),
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show what each term adds to a score.")
    ] = False,
    mode: Annotated[
        str | None,
        typer.Option(
            metavar="MODE",
            show_default=False,
            help="How an index of several models is searched: sparse, bm25, dense or hybrid; of "
            "towers, which one reads TEXT, such as languages or image.",
        ),
    ] = None,
    query_vectors: Annotated[
        str | None,
        typer.Option(
            metavar="VECTORS", show_default=False, help="Search for these vectors, not for TEXT."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Find the best documents for a text, with the model that made the index.

    Texts are shown where the index holds them: of `rarefy index --texts`, or of an application.

    [dim]rarefy search out/scifact.index "does vitamin D prevent fractures" --explain[/dim]
    """
    from rarefy.errors import InputError
    from rarefy.index import Index
    from rarefy.origin import Origin
    from rarefy.search.encoder import Encoder

    if (text is None) == (query_vectors is None):
        raise InputError("expected either a TEXT or --query-vectors VECTORS; see --help")
    if text is not None and not text.strip():
        raise InputError(f"the text is {text!r}; expected words to search for")
    if mode is not None and text is None:
        raise InputError(f"--mode {mode} is for a TEXT: vectors are searched as they are")
    opened = Index.open(folder)
    origin = Origin.open(folder, width=opened.vocabulary_size)
    terms = origin.terms
    if text is not None:
        encoder = Encoder(folder, origin.load(), terms)
        mode = encoder.modes[0] if mode is None else mode
        rows, names = encoder.encode([text], "query", mode), [text]
        queries, hits = encoder.search(opened, rows, k, mode=mode, recall=recall, filter=filter)
        terms = terms[: encoder.named_columns]
    else:
        names, queries = _read_queries(str(query_vectors), origin)
        hits = opened.search(queries, k=k, recall=recall, filter=filter)
    answers = _answers(opened, terms, names, queries, hits, explain)
    if as_json:
        print_json({"queries": answers})
    else:
        for answer in answers:
            _print(answer)


def _answers(
    index: Index,
    terms: Sequence[str],
    names: list[str],
    queries: csr_array,
    hits: Hits,
    explain: bool,
) -> list[dict[str, Any]]:
    from rarefy.search.fields import TEXT

    answers = []
    for row, name in enumerate(names):
        found: list[dict[str, Any]] = [
            {"id": document, "score": float(score)}
            for document, score in zip(hits.ids[row], hits.scores[row], strict=True)
            if document is not None
        ]
        if index.fields.get(TEXT) == "str":
            kept = index.metadata([hit["id"] for hit in found], [TEXT])
            for hit, record in zip(found, kept, strict=True):
                hit |= record
        if explain:
            for hit in found:
                shares = index.explain(queries[[row]], id=hit["id"])
                hit["terms"] = [[terms[column], s] for column, s in shares if column < len(terms)]
        answers.append({"query": name, "hits": found})
    return answers


def _read_queries(source: str, origin: Origin) -> tuple[list[str], csr_array]:
    """Read query vectors, their columns moved to those that the index has for the terms."""
    from scipy.sparse import csr_array

    from rarefy.cli.sources import vectors_path
    from rarefy.errors import InputError
    from rarefy.eval.interchange import Vectors, align, read_vectors
    from rarefy.origin import Origin

    path = vectors_path(source)
    vectors = read_vectors(path)
    made_by = Origin.open(path, terms=vectors.terms)
    if origin.model and made_by.model and origin.fingerprint != made_by.fingerprint:
        raise InputError(
            f"{path} was made by {made_by.model} ({made_by.fingerprint}), {origin.home} by "
            f"{origin.model} ({origin.fingerprint}): encode the queries with the index's model"
        )
    width = len(origin.terms)
    _, aligned = align(Vectors([], csr_array((0, width)), origin.terms), vectors)
    return aligned.ids, aligned.matrix[:, :width]


def _print(answer: dict[str, Any]) -> None:
    """Print a ranking for people."""
    from rich.console import Console
    from rich.padding import Padding
    from rich.text import Text

    console = Console()
    console.print(Text(answer["query"], style="bold"), soft_wrap=True)
    if not answer["hits"]:
        console.print(Text("no document shares a term with the query", style="dim"))
    for rank, hit in enumerate(answer["hits"], 1):
        line = Text.assemble(f"{rank:4}  {hit['score']:9.4f}  ", (hit["id"], "bold"))
        console.print(line, soft_wrap=True)
        if text := hit.get("text"):
            start = Text(" ".join(text.split()), no_wrap=True, overflow="ellipsis")
            console.print(Padding(start, (0, 0, 0, INDENT)))
        if terms := hit.get("terms"):
            shares = "  ".join(f"{term} {share:.3g}" for term, share in terms[:SHOWN])
            more = f"  and {len(terms) - SHOWN} more" if len(terms) > SHOWN else ""
            console.print(Padding(Text(shares + more, style="dim"), (0, 0, 0, INDENT)))

"""The command line, ``rarefy``: one file a command.

Commands import what they need when they run, so ``rarefy --help`` is quick and a command works
wherever the extras that it needs are installed.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

import rarefy
from rarefy.cli.bench import bench
from rarefy.cli.build import build
from rarefy.cli.compare import compare
from rarefy.cli.convert import convert
from rarefy.cli.encode import encode
from rarefy.cli.eval import evaluate
from rarefy.cli.index import index
from rarefy.cli.mcp import mcp
from rarefy.cli.plan import plan
from rarefy.cli.push import pull, push
from rarefy.cli.reproduce import reproduce
from rarefy.cli.search import search
from rarefy.cli.serve import serve
from rarefy.cli.train import train
from rarefy.cli.verify import verify
from rarefy.cli.warmup import warmup
from rarefy.errors import RarefyError

__all__ = ["app", "main"]

app = typer.Typer(
    name="rarefy",
    # One line a paragraph: line breaks inside one would be kept.
    help="Learned-sparse retrieval, from text to a ranked list.\n\n"
    "A [b]COLLECTION[/b] is a folder in BEIR form (corpus.jsonl, queries.jsonl, qrels/test.tsv) or "
    "TREC form (documents, topics, qrels), the name of a known one in RAREFY_DATA, "
    "[b]pydocs[/b] (the documentation of the installed Python packages: needs no download) or "
    "[b]irds:ID[/b] (through ir_datasets). A [b]MODEL[/b] is minilm-d2s, splade-tiny, bm25, a "
    "model folder or a name on the Hugging Face hub.",
    epilog="Start with [b]rarefy bench pydocs[/b]. [b]rarefy COMMAND --help[/b] says more.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

COMPARE, RETRIEVE = "Compare systems", "Encode, index, search"
app.command("bench", rich_help_panel=COMPARE, no_args_is_help=True)(bench)
app.command("compare", rich_help_panel=COMPARE, no_args_is_help=True)(compare)
app.command("eval", rich_help_panel=COMPARE, no_args_is_help=True)(evaluate)
app.command("reproduce", rich_help_panel=COMPARE)(reproduce)
app.command("build", rich_help_panel=RETRIEVE, no_args_is_help=True)(build)
app.command("convert", rich_help_panel=RETRIEVE, no_args_is_help=True)(convert)
app.command("encode", rich_help_panel=RETRIEVE, no_args_is_help=True)(encode)
app.command("index", rich_help_panel=RETRIEVE, no_args_is_help=True)(index)
app.command("mcp", rich_help_panel=RETRIEVE, no_args_is_help=True)(mcp)
app.command("plan", rich_help_panel=RETRIEVE, no_args_is_help=True)(plan)
app.command("pull", rich_help_panel=RETRIEVE, no_args_is_help=True)(pull)
app.command("push", rich_help_panel=RETRIEVE, no_args_is_help=True)(push)
app.command("search", rich_help_panel=RETRIEVE, no_args_is_help=True)(search)
app.command("serve", rich_help_panel=RETRIEVE, no_args_is_help=True)(serve)
app.command("train", rich_help_panel="Train", no_args_is_help=True)(train)
app.command("verify", rich_help_panel=RETRIEVE, no_args_is_help=True)(verify)
app.command("warmup", rich_help_panel=RETRIEVE)(warmup)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"rarefy {rarefy.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Take the options that stand before a command."""


def main() -> None:
    """Run the command line.

    An error that rarefy raises on purpose is one line on stderr and exit status 2, as wrong usage
    is; an interrupt is status 130.
    """
    try:
        app()
    except RarefyError as error:
        # Some libraries' messages, quoted in ours, have line breaks.
        typer.echo(f"rarefy: {' '.join(str(error).split())}", err=True)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)

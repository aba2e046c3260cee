"""Pages that are made when the site is: the reference, and what the README says of speed."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import typer.main
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from typer.cli import get_docs_for_click

from rarefy.cli import app

PACKAGES = (
    "rarefy.search",
    "rarefy.index",
    "rarefy.sparse",
    "rarefy.sparse.training",
    "rarefy.sparse.objectives",
    "rarefy.eval",
    "rarefy.eval.diagnostics",
    "rarefy.serve",
    "rarefy.adapters",
    "rarefy.stores",
    "rarefy.offline",
    "rarefy.errors",
)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page for each package, one for the command line, and one about speed."""
    pages = {"reference/commands.md": commands(), "speed.md": speed()}
    for name in PACKAGES:
        file = name.partition(".")[2].replace(".", "-")
        pages[f"reference/{file}.md"] = package(name)
    for path, text in pages.items():
        files.append(File.generated(config, path, content=text))
    return files


def package(name: str) -> str:
    """Return the page of a package: what its docstring says, and each public name."""
    module = importlib.import_module(name)
    options = "\n    options:\n      "
    head = f"# {name}\n\n::: {name}{options}members: false\n      show_root_toc_entry: false"
    return "\n\n".join([head, *(f"::: {name}.{member}" for member in module.__all__)])


def commands() -> str:
    """Return the page of the command line."""
    command = typer.main.get_command(app)
    with typer.Context(command, info_name="rarefy") as context:
        text = get_docs_for_click(obj=command, ctx=context, name="rarefy", title="The command line")
    # What help marks for the terminal.
    text = re.sub(r"\[dim\](.*?)\[/dim\]", r"```\n\1\n```", text, flags=re.DOTALL)
    return re.sub(r"\[b\](.*?)\[/b\]", r"`\1`", text)


def speed() -> str:
    """Return the README's section about speed as a page."""
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    section = readme.partition("\n## How fast it is\n")[2].partition("\n## ")[0]
    return "# How fast it is\n" + section.replace("](docs/", "](")

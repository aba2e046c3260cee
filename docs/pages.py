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
    "rarefy.index.distributed",
    "rarefy.sparse",
    "rarefy.sparse.algebra",
    "rarefy.sparse.parts",
    "rarefy.sparse.training",
    "rarefy.sparse.training.sources",
    "rarefy.sparse.objectives",
    "rarefy.eval",
    "rarefy.eval.collections",
    "rarefy.eval.systems",
    "rarefy.eval.interchange",
    "rarefy.eval.report",
    "rarefy.eval.diagnostics",
    "rarefy.eval.reproductions",
    "rarefy.eval.scale",
    "rarefy.serve",
    "rarefy.adapters",
    "rarefy.stores",
    "rarefy.offline",
    "rarefy.errors",
    "rarefy",
)
"""A name that several packages have is documented on the page of the first."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page for each package, one for the command line, and one about speed."""
    pages = {"reference/commands.md": commands(), "speed.md": speed()}
    homes: dict[int, str] = {}
    for name in PACKAGES:
        pages[f"reference/{file_of(name)}"] = package(name, homes)
    for path, text in pages.items():
        files.append(File.generated(config, path, content=text))
    return files


def file_of(package: str) -> str:
    """Return the name of a package's page."""
    return f"{package.removeprefix('rarefy.').replace('.', '-')}.md"


def package(name: str, homes: dict[int, str]) -> str:
    """Return the page of a package: what its docstring says, and each public name.

    Parameters
    ----------
    name
        The package.
    homes
        By the identity of an object, the link to where it is documented; grows.
    """
    module = importlib.import_module(name)
    options = "\n    options:\n      members: false\n      show_root_heading: false"
    head = f"# {name}\n\n::: {name}{options}"
    entries, links = [], []
    for member in module.__all__:
        path = f"{name}.{member}"
        value = getattr(module, member)
        known = homes.setdefault(id(value), f"[`{path}`]({file_of(name)}#{path})")
        if f"`{path}`" in known:
            entries.append(f"::: {path}")
        else:
            links.append(f"- `{member}`: {known}")
    elsewhere = ["Also here:", "\n".join(links)] if links else []
    return "\n\n".join([head, *elsewhere, *entries])


def commands() -> str:
    """Return the page of the command line."""
    command = typer.main.get_command(app)
    for each in command.commands.values():
        each.short_help = each.help.partition("\n")[0]  # or it is cut after 45 characters
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

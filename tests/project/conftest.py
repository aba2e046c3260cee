import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = {"rarefy": "rarefy", "sparse": "rarefy.sparse", "index": "rarefy.index"}
PACKAGES["eval"] = "rarefy.eval"
PACKAGES["serve"] = "rarefy.serve"


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder of the project."""
    return ROOT


@pytest.fixture(scope="session")
def modules() -> dict[str, ast.Module]:
    """Every module of the package by its dotted name, parsed."""
    parsed = {}
    for folder, package in PACKAGES.items():
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = [package, *path.relative_to(ROOT / folder).with_suffix("").parts]
            name = ".".join(part for part in parts if part != "__init__")
            parsed[name] = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    return parsed

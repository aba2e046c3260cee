"""What each package may import, and what it does when it is imported."""

import ast
import subprocess
import sys

import pytest

FORBIDDEN = {
    "rarefy.index": ["rarefy.sparse", "rarefy.eval", "rarefy.cli", "torch"],
    "rarefy.sparse": ["rarefy.index", "rarefy.eval", "rarefy.cli"],
    "rarefy.eval": ["rarefy.cli", "torch"],
    "rarefy.origin": ["rarefy.index", "rarefy.eval", "rarefy.cli"],
    "rarefy.offline": ["rarefy.search", "rarefy.cli", "torch"],
    "rarefy.search": ["rarefy.eval", "rarefy.cli", "torch"],
    "rarefy.serve": ["rarefy.eval", "rarefy.cli", "torch"],
    "rarefy.stores": ["rarefy.sparse", "rarefy.eval", "rarefy.search", "rarefy.cli"],
    "rarefy.errors": ["rarefy.sparse", "rarefy.index", "rarefy.eval", "rarefy.cli"],
    "rarefy.files": ["rarefy.sparse", "rarefy.index", "rarefy.eval", "rarefy.cli"],
}


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def imported(module: ast.Module) -> set[str]:
    names = set()
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("package", FORBIDDEN)
def test_imports_go_one_way(package, modules):
    against = [
        f"{name} imports {target}"
        for name, module in modules.items()
        if within(name, package)
        for target in imported(module)
        if any(within(target, banned) for banned in FORBIDDEN[package])
    ]
    assert not against


@pytest.mark.parametrize(
    ("package", "absent"),
    [
        ("rarefy", ["numba", "torch", "numpy", "rarefy.sparse", "rarefy.index", "rarefy.eval"]),
        ("rarefy.index", ["torch", "rarefy.sparse", "rarefy.eval", "typer", "rich"]),
        ("rarefy.index.distributed", ["ray", "fsspec", "torch", "pyarrow"]),
        ("rarefy.sparse", ["torch", "transformers", "rarefy.index"]),
        ("rarefy.eval", ["torch", "faiss", "matplotlib", "ir_measures", "jinja2"]),
        ("rarefy.eval.report", ["matplotlib", "jinja2", "rarefy.index", "rarefy.sparse"]),
        ("rarefy.search", ["torch", "transformers", "pyarrow", "rarefy.eval", "typer", "rich"]),
        ("rarefy.offline", ["ray", "fsspec", "torch", "pyarrow", "rarefy.eval", "typer", "rich"]),
        ("rarefy.serve", ["fastapi", "uvicorn", "numba", "torch", "rarefy.search"]),
        ("rarefy.stores", ["numba", "pymilvus", "qdrant_client", "psycopg", "pyarrow"]),
        ("rarefy.cli", ["numpy", "numba", "torch", "rarefy.sparse", "rarefy.index"]),
    ],
)
def test_importing_is_light(package, absent):
    program = f"import sys, {package}; print(*sorted(set({absent!r}) & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []

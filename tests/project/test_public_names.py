"""The public names of each package are listed, complete and documented."""

import ast
import importlib
import inspect

import pytest

PACKAGES = [
    "rarefy",
    "rarefy.eval",
    "rarefy.index",
    "rarefy.index.distributed",
    "rarefy.offline",
    "rarefy.search",
    "rarefy.serve",
    "rarefy.sparse",
    "rarefy.sparse.training",
    "rarefy.sparse.training.sources",
    "rarefy.stores",
]


@pytest.mark.parametrize("package", PACKAGES)
def test_all_is_sorted(package):
    names = importlib.import_module(package).__all__
    assert names == sorted(set(names))


@pytest.mark.parametrize("package", PACKAGES)
def test_all_lists_what_the_package_gathers(package, modules):
    gathered = {
        alias.asname or alias.name
        for node in ast.walk(modules[package])
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("rarefy")
        for alias in node.names
    }
    public = {name for name in gathered if not name.startswith("_")}
    assert public == set(importlib.import_module(package).__all__)


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_is_there_and_documented(package):
    module = importlib.import_module(package)
    undocumented = []
    for name in module.__all__:
        value = getattr(module, name)
        if not inspect.getdoc(value):
            undocumented.append(name)
        if inspect.isclass(value) and value.__module__.startswith("rarefy"):
            undocumented += [
                f"{name}.{member}"
                for member, what in vars(value).items()
                if not member.startswith("_")
                and (callable(what) or isinstance(what, property | classmethod | staticmethod))
                and not inspect.getdoc(getattr(value, member))
            ]
    assert not undocumented


@pytest.mark.parametrize("package", PACKAGES)
def test_a_name_that_is_not_there_is_an_attribute_error(package):
    with pytest.raises(AttributeError, match="nothing_of_that_name"):
        importlib.import_module(package).nothing_of_that_name  # noqa: B018

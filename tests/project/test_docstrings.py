"""Docstrings say what signatures say."""

import ast
import re

PACKAGES = (
    "rarefy",
    "rarefy.eval",
    "rarefy.index",
    "rarefy.search",
    "rarefy.serve",
    "rarefy.sparse",
)
SECTION = re.compile(r"^Parameters\n-+\n(.*?)(?=^\S[^\n]*\n-{3,}$|\Z)", re.DOTALL | re.MULTILINE)


def documented(docstring: str) -> list[str] | None:
    """Names in the Parameters section; None where there is no such section."""
    section = SECTION.search(docstring)
    if section is None:
        return None
    entries = re.findall(r"^\S.*$", section.group(1), re.MULTILINE)
    return [name.strip().lstrip("*") for e in entries for name in e.split(" : ")[0].split(",")]


def signature(function: ast.FunctionDef) -> list[str]:
    a = function.args
    every = [*a.posonlyargs, *a.args, a.vararg, *a.kwonlyargs, a.kwarg]
    return [argument.arg for argument in every if argument and argument.arg not in ("self", "cls")]


def constructor(node: ast.ClassDef) -> list[str]:
    """Parameters of the class: those of __init__, or its annotated fields."""
    for member in node.body:
        if isinstance(member, ast.FunctionDef) and member.name == "__init__":
            return signature(member)
    fields = (member for member in node.body if isinstance(member, ast.AnnAssign))
    return [
        member.target.id
        for member in fields
        if isinstance(member.target, ast.Name) and "init=False" not in ast.unparse(member)
    ]


def test_parameters_are_those_of_the_signature(modules):
    differing = []
    for module, tree in modules.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                actual = signature(node)
            elif isinstance(node, ast.ClassDef):
                actual = constructor(node)
            else:
                continue
            described = documented(ast.get_docstring(node) or "")
            if described is not None and sorted(described) != sorted(actual):
                differing.append(f"{module}.{node.name}: {described} but {actual}")
    assert not differing, "\n".join(differing)


def test_public_functions_with_parameters_describe_them(modules):
    """Only what a package exports as a function; methods may refer to one another."""
    silent = []
    for package in PACKAGES:
        listed = next(
            ast.literal_eval(node.value)
            for node in modules[package].body
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
        )
        silent += [
            f"{module}.{node.name}"
            for module, tree in modules.items()
            if module.startswith(package)
            for node in tree.body
            if isinstance(node, ast.FunctionDef)
            and node.name in listed
            and signature(node)
            and documented(ast.get_docstring(node) or "") is None
        ]
    assert not sorted(set(silent))


def test_the_section_is_read_as_it_is_meant():
    text = """Do.

    Parameters
    ----------
    a, b : int
        Two numbers:
        of some kind.
    *rest
        More.

    Returns
    -------
    int
    """
    assert documented(ast.get_docstring(ast.parse(f'"""{text}"""')) or "") == ["a", "b", "rest"]
    assert documented("Do.") is None

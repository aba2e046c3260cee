"""The README knows every command, and every command says what it does."""

import tomllib
import typing

import pytest

from rarefy.cli import app


@pytest.fixture(scope="module")
def readme(root) -> str:
    return (root / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("command", app.registered_commands, ids=lambda command: command.name)
def test_it_mentions_every_command(readme, command):
    assert f"rarefy {command.name} " in readme


def test_it_mentions_every_extra(root, readme):
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    table = readme.partition("| extra | adds |")[2].partition("\n\n")[0]
    for extra in project["optional-dependencies"].keys() - {"dev", "docs", "fuzz"}:
        assert f"`{extra}`" in table


@pytest.mark.parametrize("command", app.registered_commands, ids=lambda command: command.name)
def test_every_command_and_option_has_help(command):
    assert command.callback.__doc__
    hints = typing.get_type_hints(command.callback, include_extras=True)
    del hints["return"]
    assert all(hint.__metadata__[0].help for hint in hints.values())

"""The README is true: its code runs, and it knows every command."""

import re
import typing

import pytest

from rarefy.cli import app


@pytest.fixture(scope="module")
def readme(root) -> str:
    return (root / "README.md").read_text(encoding="utf-8")


@pytest.mark.models
def test_its_python_runs(readme, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    namespace = {"__name__": "readme"}
    blocks = list(re.finditer(r"^```python\n(.*?)^```$", readme, re.DOTALL | re.MULTILINE))
    assert blocks
    for block in blocks:
        # Blank lines before it make a traceback name the line of the README.
        before = "\n" * readme.count("\n", 0, block.start(1))
        exec(compile(before + block.group(1), "README.md", "exec"), namespace)


@pytest.mark.parametrize("command", app.registered_commands, ids=lambda command: command.name)
def test_it_mentions_every_command(readme, command):
    assert f"rarefy {command.name} " in readme


@pytest.mark.parametrize("command", app.registered_commands, ids=lambda command: command.name)
def test_every_command_and_option_has_help(command):
    assert command.callback.__doc__
    hints = typing.get_type_hints(command.callback, include_extras=True)
    del hints["return"]
    assert all(hint.__metadata__[0].help for hint in hints.values())

"""The Dockerfile and the systemd unit: what they install, and that what they run is understood."""

import ast
import configparser
import json
import re
import shlex
import tomllib

import pytest

pytest.importorskip("fastapi")

import typer

from rarefy.cli import app
from rarefy.serve.gate import ROUTES
from rarefy.serve.server import check_address

NAMED = re.compile(r"'/src\[([\w,]+)\]'")


@pytest.fixture(scope="module")
def project(root):
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def steps(root):
    """The instructions of the Dockerfile in order, lines that go on joined."""
    text = (root / "examples" / "serve" / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [tuple(line.split(maxsplit=1)) for line in joined.splitlines()]


def only(steps, name):
    (found,) = (rest for step, rest in steps if step == name)
    return found


def understood(arguments, project):
    """Parse a command as the console script of the wheel would; return its parameters."""
    name, *rest = arguments
    assert name.rpartition("/")[2] in project["scripts"]
    main = typer.main.get_command(app)
    context = main.make_context("rarefy", list(rest))
    command = main.get_command(context, rest[0])
    return command.make_context(rest[0], list(rest[1:]), parent=context).params


def test_the_image_installs_extras_that_there_are(root, steps, project):
    run = only(steps, "RUN")
    extras = NAMED.search(run).group(1).split(",")
    assert set(extras) <= project["optional-dependencies"].keys()
    assert {"encode", "models", "serve"} <= set(extras)
    constraints = re.search(r"-c /src/(\S+)", run).group(1)
    assert (root / constraints).is_file()
    image = only(steps, "FROM")
    major, minor = re.fullmatch(r"python:(\d+)\.(\d+)-slim", image).groups()
    least = project["requires-python"].removeprefix(">=").split(".")
    assert [int(major), int(minor)] >= [int(part) for part in least]


def test_the_image_runs_what_rarefy_understands_as_nobody_special(steps, project):
    arguments = json.loads(only(steps, "ENTRYPOINT")) + json.loads(only(steps, "CMD"))
    given = understood(arguments, project)
    assert (str(given["folder"]), given["host"]) == ("/index", "0.0.0.0")
    assert given["keys"] is not None
    check_address(given["host"], ["a key"])
    assert only(steps, "USER") not in ("root", "0")
    order = [step for step, _ in steps]
    assert order.index("RUN") < order.index("USER") < order.index("ENTRYPOINT")
    volumes = json.loads(only(steps, "VOLUME"))
    made = re.search(r"install -d -o rarefy (/\S+) (/\S+)", only(steps, "RUN")).groups()
    assert sorted(volumes) == sorted(made) == ["/cache", "/index"]
    assert "NUMBA_CACHE_DIR=/cache" in only(steps, "ENV").split()
    assert int(only(steps, "EXPOSE")) == given["port"]


def test_the_image_asks_a_path_that_answers(steps):
    options, _, command = only(steps, "HEALTHCHECK").partition(" CMD ")
    assert options.startswith("--start-period")
    _, _, code = json.loads(command)
    ast.parse(code)
    assert re.search(r"localhost:8000(/\w+)", code).group(1) in ROUTES


def test_the_unit_runs_what_rarefy_understands(root, project):
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str
    unit.read(root / "examples" / "serve" / "rarefy.service", encoding="utf-8")
    service = unit["Service"]
    given = understood(shlex.split(service["ExecStart"]), project)
    assert given["model"] == "minilm-d2s"
    assert str(given["keys"]).endswith("/" + service["LoadCredential"].partition(":")[0])
    assert str(given["folder"]).startswith("/var/lib/" + service["StateDirectory"])
    assert "/var/cache/" + service["CacheDirectory"] in service["Environment"]
    assert service["DynamicUser"] == "yes"

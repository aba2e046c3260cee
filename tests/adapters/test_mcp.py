"""The tools, called by the protocol's own client: in this process, and over a pipe."""

import asyncio
import json
import sys

import pytest

pytest.importorskip("mcp")

from mcp import Client, StdioServerParameters, stdio_client

import rarefy
from rarefy.adapters import create_mcp_server


def call(server, *calls):
    async def run():
        async with Client(server) as client:
            return [await client.call_tool(name, arguments) for name, arguments in calls]

    return asyncio.run(run())


@pytest.fixture
def server(folder):
    return create_mcp_server(rarefy.Search(folder))


def test_its_tools_are_listed_with_what_they_take(server):
    async def run():
        async with Client(server) as client:
            return (await client.list_tools()).tools

    tools = {tool.name: tool for tool in asyncio.run(run())}
    assert tools.keys() == {"search", "read", "describe"}
    assert tools["search"].input_schema["properties"]["k"]["maximum"] == 50
    assert (
        "sparse is learned terms"
        in tools["search"].input_schema["properties"]["mode"]["description"]
    )
    assert tools["search"].input_schema["required"] == ["query"]


def test_it_searches_reads_and_describes(server):
    found, read, described = call(
        server,
        ("search", {"query": "the inverted matrix", "filter": "year > 2019", "k": 1}),
        ("read", {"ids": ["bread"]}),
        ("describe", {}),
    )
    (hit,) = found.structured_content["result"]
    assert (hit["id"], hit["metadata"]) == ("matrix", {"year": 2021})
    assert hit["terms"] == ["matrix", "inverted"]
    assert read.structured_content["result"][0]["text"].startswith("A recipe")
    assert described.structured_content["fields"] == {"year": "int", "text": "str"}
    assert described.structured_content["modes"] == ["sparse"]


def test_bad_calls_are_errors_that_say_what_to_do(server):
    for arguments, message in [
        ({"query": "cat", "filter": "year ="}, "the filter"),
        ({"query": "cat", "k": 51}, "50"),
        ({"query": "  "}, "expected words"),
        ({"query": "cat", "mode": "dense"}, "the mode 'sparse' alone"),
    ]:
        (answer,) = call(server, ("search", arguments))
        assert answer.is_error
        assert message in answer.content[0].text
    (answer,) = call(server, ("read", {"ids": ["unknown"]}))
    assert "unknown" in answer.content[0].text


def test_the_command_speaks_over_a_pipe(folder):
    arguments = ["-m", "rarefy.cli", "mcp", str(folder)]
    pipe = stdio_client(StdioServerParameters(command=sys.executable, args=arguments))
    (found,) = call(pipe, ("search", {"query": "bread"}))
    assert json.loads(found.content[0].text)["id"] == "bread"


@pytest.mark.models
def test_it_searches_in_a_mode(joined):
    search = rarefy.Search(joined)
    modes = ("sparse", "bm25", "hybrid")
    calls = [("search", {"query": "matrix", "mode": mode}) for mode in modes]
    described, *answers = call(create_mcp_server(search), ("describe", {}), *calls)
    assert described.structured_content["modes"] == list(modes)
    for mode, answer in zip(modes, answers, strict=True):
        hit = answer.structured_content["result"][0]
        assert (hit["id"], hit["score"]) == (
            "matrix",
            pytest.approx(search.search("matrix", mode=mode)[0].score),
        )

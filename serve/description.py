"""The OpenAPI description: FastAPI's of its own routes, and the operations beside them."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

import msgspec
from fastapi import FastAPI

from rarefy.serve.bodies import Stats, Trouble
from rarefy.serve.operations import Operation
from rarefy.serve.problems import PROBLEMS

__all__ = ["describe", "json_of"]

PLACE = "#/components/schemas/{name}"
SUCCESS = "Done."


def json_of(form: type, what: str = SUCCESS) -> dict[str, Any]:
    """Return what an answer of a form is to OpenAPI."""
    schema = {"$ref": PLACE.format(name=form.__name__)}
    return {"description": what, "content": {"application/json": {"schema": schema}}}


def describe(app: FastAPI, operations: Iterable[Operation]) -> None:
    """Make an app's description one of the operations too.

    Parameters
    ----------
    app
        Its own routes are described already.
    operations
        What it carries out beside them.
    """
    operations = list(operations)
    forms = [form for each in operations for form in (each.body, each.answer) if form is not None]
    _, schemas = msgspec.json.schema_components({Stats, Trouble, *forms}, ref_template=PLACE)
    refused = {
        str(status): json_of(Trouble, HTTPStatus(status).phrase)
        for status in PROBLEMS
        if status not in (404, 405, 500, 503)
    }
    own = app.openapi

    def whole() -> dict[str, Any]:
        described = own()
        for each in operations:
            post: dict[str, Any] = {
                "tags": [each.tag],
                "summary": each.summary,
                "responses": {"200": json_of(each.answer), **refused},
            }
            if each.body is not None:
                post["requestBody"] = {"required": True, **json_of(each.body)}
                del post["requestBody"]["description"]
            described["paths"].setdefault(each.path, {"post": post})
        described.setdefault("components", {}).setdefault("schemas", {}).update(schemas)
        return described

    app.openapi = whole  # type: ignore[method-assign]

"""What requests and answers hold: their form, and examples for the OpenAPI description."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    StrictFloat,
    StrictInt,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from rarefy.search.fields import TEXT

__all__ = [
    "Answer",
    "Answers",
    "Change",
    "Changed",
    "Deletion",
    "Document",
    "Found",
    "Options",
    "Queries",
    "Query",
    "Stats",
    "Trouble",
    "Vector",
]

Column = Annotated[StrictInt, Field(ge=0, lt=2**32)]
Weight = Annotated[StrictFloat | StrictInt, Field(ge=0, le=1e15, allow_inf_nan=False)]
"""No sum of products of two vectors is beyond float32: JSON has no infinite scores."""
MetadataValue = (
    bool
    | Annotated[StrictInt, Field(ge=-(2**63), lt=2**63)]
    | Annotated[StrictFloat, Field(allow_inf_nan=False)]
    | str
    | list[str]
    | None
)


MOST_ERRORS = 100
"""Errors of a body that are told one by one: of a million, each would take memory and time."""


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Request(_Body):
    """A whole body."""

    @model_validator(mode="wrap")
    @classmethod
    def _count_errors(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return handler(data)
        except ValidationError as error:
            count = error.error_count()
            if count <= MOST_ERRORS:
                raise
            raise PydanticCustomError(
                "errors", "{count} errors; expected a body as /openapi.json says", {"count": count}
            ) from None


class Vector(_Body):
    """A sparse vector of the index's model."""

    columns: list[Column] = Field(
        fail_fast=True, description="Columns of the vocabulary.", examples=[[3, 17]]
    )
    weights: list[Weight] = Field(
        fail_fast=True, description="One a column.", examples=[[0.5, 1.25]]
    )

    @model_validator(mode="after")
    def _same_length(self) -> Self:
        if len(self.columns) != len(self.weights):
            raise ValueError(
                f"{len(self.columns)} columns but {len(self.weights)} weights; expected as many"
            )
        return self


class _Sought(_Body):
    text: str | None = Field(
        default=None, description="What to search for.", examples=["open a file"]
    )
    vector: Vector | None = Field(default=None, description="The same, encoded already.")

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.text is None) == (self.vector is None):
            raise ValueError("expected either a text or a vector")
        return self


class Options(_Request):
    """What a search returns."""

    k: StrictInt = Field(default=10, ge=1, description="How many documents at most.")
    filter: str | None = Field(
        default=None, description="A condition on the fields.", examples=["year >= 2020"]
    )
    recall: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="Below 1, approximate: the share of exact results to find.",
    )
    explain: bool = Field(default=False, description="Whether hits say why they were found.")
    fields: list[str] | None = Field(
        default=None,
        description="Fields that hits have, text among them; by default all.",
        examples=[[]],
    )


class Query(Options, _Sought):
    """One search."""


class Queries(Options):
    """Several searches with the same options."""

    queries: list[_Sought] = Field(min_length=1, fail_fast=True)


class Document(_Body):
    """A document: its text, or its vector, or both."""

    id: str = Field(min_length=1, examples=["doc-1"])
    text: str | None = Field(default=None, examples=["How to open a file"])
    vector: Vector | None = Field(default=None, description="By default the text is encoded.")
    metadata: dict[str, MetadataValue] = Field(
        default={}, examples=[{"year": 2024, "tags": ["new"]}]
    )

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if self.text is None and self.vector is None:
            raise ValueError("expected a text or a vector")
        if TEXT in self.metadata:
            raise ValueError(f"the metadata has a field {TEXT!r}: give the text beside it")
        return self


class Change(_Request):
    """Documents to add; those whose ids are there are replaced."""

    documents: list[Document] = Field(min_length=1, fail_fast=True)
    commit: bool = Field(
        default=True, description="Whether to commit this and all changes that wait."
    )


class Deletion(_Request):
    """Documents to delete."""

    ids: list[str] = Field(min_length=1, fail_fast=True, examples=[["doc-1"]])
    commit: bool = Field(
        default=True, description="Whether to commit this and all changes that wait."
    )


class Found(BaseModel):
    """A document that was found."""

    id: str
    score: float
    text: str | None = Field(default=None, description="Its text, if the index holds it.")
    metadata: dict[str, Any] = Field(default={}, description="Its other fields.")
    terms: list[tuple[str, float]] | None = Field(
        default=None, description="What each shared term adds to the score; with explain alone."
    )
    highlights: list[tuple[int, int]] | None = Field(
        default=None,
        description="Where the text has these terms, in characters; with explain alone.",
    )


class Answer(BaseModel):
    """What a search found, best first."""

    hits: list[Found]
    terms: list[tuple[str, float]] | None = Field(
        default=None, description="The query's heaviest terms; with explain alone."
    )
    milliseconds: dict[str, float] = Field(
        description="What took how long.", examples=[{"encode": 6.1, "search": 0.4}]
    )


class Answers(BaseModel):
    """What several searches found, in their order."""

    answers: list[Answer]


class Changed(BaseModel):
    """What a change did. Where `committed`, it survives a loss of power from now on."""

    documents: int = Field(description="How many were added, or were there and are deleted.")
    committed: bool


class Stats(BaseModel):
    """What is served."""

    documents: int
    vocabulary: int
    fields: dict[str, str] = Field(description="The fields of the metadata and their types.")
    model: str | None = Field(description="What encodes texts; null if vectors alone are searched.")
    version: str


class _Error(BaseModel):
    code: str
    message: str


class Trouble(BaseModel):
    """Why a request has no other answer."""

    error: _Error

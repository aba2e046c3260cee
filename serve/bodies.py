"""What requests and answers hold: their form, and examples for the OpenAPI description.

Reading a body stops at the first thing that is wrong with it, so that no body costs more than its
length.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from msgspec import Meta, Struct

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
    "Sought",
    "Stats",
    "Trouble",
    "Vector",
]

Column = Annotated[int, Meta(ge=0, lt=2**32)]
Weight = Annotated[float, Meta(ge=0, le=1e15)]
"""No sum of products of two vectors is beyond float32: JSON has no infinite scores."""
MetadataValue: TypeAlias = (
    bool | Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | float | str | list[str] | None
)
Commits = Annotated[bool, Meta(description="Whether to commit this and all changes that wait.")]
Weighed = list[tuple[str, float]]


class _Body(Struct, forbid_unknown_fields=True):
    """What a client sends."""


class Vector(_Body):
    """A sparse vector of the index's model."""

    columns: Annotated[
        list[Column], Meta(description="Columns of the vocabulary.", examples=[[3, 17]])
    ]
    weights: Annotated[list[Weight], Meta(description="One a column.", examples=[[0.5, 1.25]])]

    def __post_init__(self) -> None:
        if len(self.columns) != len(self.weights):
            raise ValueError(
                f"{len(self.columns)} columns but {len(self.weights)} weights; expected as many"
            )


Text = Annotated[
    str | None,
    Meta(
        description="What to search for; where a mode reads pictures, one as a data URL.",
        examples=["open a file"],
    ),
]
Encoded = Annotated[Vector | None, Meta(description="The same, encoded already.")]


def _check_one(text: str | None, vector: Vector | None) -> None:
    if (text is None) == (vector is None):
        raise ValueError("expected either a text or a vector")


class Sought(_Body):
    """What is searched for: a text or a vector."""

    text: Text = None
    vector: Encoded = None

    def __post_init__(self) -> None:
        _check_one(self.text, self.vector)


class Options(_Body):
    """What a search returns."""

    k: Annotated[int, Meta(ge=1, description="How many documents at most.")] = 10
    filter: Annotated[
        str | None, Meta(description="A condition on the fields.", examples=["year >= 2020"])
    ] = None
    recall: Annotated[
        Annotated[float, Meta(gt=0, le=1)] | None,
        Meta(description="Below 1, approximate: the share of exact results to find."),
    ] = None
    explain: Annotated[bool, Meta(description="Whether hits say why they were found.")] = False
    mode: Annotated[
        str | None,
        Meta(
            description="What documents are compared by, or the tower that reads the text, of the "
            "modes of /stats; by default the first for a text, and all columns that it has for a "
            "vector.",
            examples=["sparse"],
        ),
    ] = None
    weights: Annotated[
        dict[str, Weight] | None,
        Meta(
            description="How much each part counts in the mode hybrid, where a part's best "
            "document has 1; by default 1 for each.",
        ),
    ] = None
    fields: Annotated[
        list[str] | None,
        Meta(description="Fields that hits have, text among them; by default all.", examples=[[]]),
    ] = None


class Query(Options):
    """One search."""

    text: Text = None
    vector: Encoded = None

    def __post_init__(self) -> None:
        _check_one(self.text, self.vector)


class Queries(Options, kw_only=True):
    """Several searches with the same options."""

    queries: Annotated[list[Sought], Meta(min_length=1)]


class Document(_Body):
    """A document: its text, or its vector, or both."""

    id: Annotated[str, Meta(min_length=1, examples=["doc-1"])]
    text: Annotated[
        str | None,
        Meta(
            description="Where the model reads pictures, one as a data URL.",
            examples=["How to open a file"],
        ),
    ] = None
    vector: Annotated[Vector | None, Meta(description="By default the text is encoded.")] = None
    metadata: Annotated[
        dict[str, MetadataValue], Meta(examples=[{"year": 2024, "tags": ["new"]}])
    ] = {}

    def __post_init__(self) -> None:
        if self.text is None and self.vector is None:
            raise ValueError("expected a text or a vector")
        if TEXT in self.metadata:
            raise ValueError(f"the metadata has a field {TEXT!r}: give the text beside it")


class Change(_Body):
    """Documents to add; those whose ids are there are replaced."""

    documents: Annotated[list[Document], Meta(min_length=1)]
    commit: Commits = True


class Deletion(_Body):
    """Documents to delete."""

    ids: Annotated[list[str], Meta(min_length=1, examples=[["doc-1"]])]
    commit: Commits = True


class Found(Struct):
    """A document that was found."""

    id: str
    score: float
    text: Annotated[str | None, Meta(description="Its text, if the index holds it.")] = None
    metadata: Annotated[dict[str, Any], Meta(description="Its other fields.")] = {}
    terms: Annotated[
        Weighed, Meta(description="What each shared term adds to the score; with explain alone.")
    ] = []
    highlights: Annotated[
        list[tuple[int, int]],
        Meta(description="Where the text has these terms, in characters; with explain alone."),
    ] = []


class Answer(Struct):
    """What a search found, best first."""

    hits: list[Found]
    milliseconds: Annotated[
        dict[str, float],
        Meta(description="What took how long.", examples=[{"encode": 6.1, "search": 0.4}]),
    ]
    terms: Annotated[
        Weighed, Meta(description="The query's heaviest terms; with explain alone.")
    ] = []


class Answers(Struct):
    """What several searches found, in their order."""

    answers: list[Answer]


class Changed(Struct):
    """What a change did. Where `committed`, it survives a loss of power from now on."""

    documents: Annotated[
        int, Meta(description="How many were added, or were there and are deleted.")
    ]
    committed: bool


class Stats(Struct):
    """What is served."""

    documents: int
    vocabulary: int
    modes: Annotated[
        list[str],
        Meta(
            description="What queries can be compared by, or the towers that read them, the "
            "default first.",
            examples=[["sparse", "bm25", "dense", "hybrid"]],
        ),
    ]
    fields: Annotated[
        dict[str, str], Meta(description="The fields of the metadata and their types.")
    ]
    model: Annotated[
        str | None, Meta(description="What encodes texts; null if vectors alone are searched.")
    ]
    version: str


class Error(Struct):
    """What went wrong."""

    code: str
    message: str


class Trouble(Struct):
    """Why a request has no other answer."""

    error: Error

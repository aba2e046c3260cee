"""Search an index while it changes: add, replace, delete, filter, and go back."""

import tempfile

import rarefy
from rarefy.index import Expression, Index, Writer, field

model = rarefy.load("splade-tiny")
folder = tempfile.mkdtemp()


def show(index: Index, text: str, filter: str | Expression | None = None) -> None:
    """Print the best documents for a text, with what is stored of them."""
    hits = index.search(model.encode_queries([text]), k=3, filter=filter)
    found = [id for id in hits.ids[0] if id is not None]
    for id, stored in zip(found, index.metadata(found), strict=True):
        print(f"  {id}  {stored['year']}  {stored['text']}")


def upsert(writer: Writer, id: str, text: str, year: int) -> None:
    """Add a document, or replace the one of this id."""
    metadata = {"text": [text], "year": [year]}
    writer.upsert([id], model.encode_documents([text]), metadata)


with Writer(folder, vocabulary_size=len(model.vocabulary)) as writer:
    upsert(writer, "cat", "The cat sat on the mat.", 2019)
    upsert(writer, "bread", "A recipe for bread with three ingredients.", 2021)
    writer.commit()  # survives a loss of power from here on

    index = Index.open(folder)  # what was committed, whatever the writer does
    upsert(writer, "cat", "A cat flap for the kitchen door.", 2024)
    writer.delete(["bread"])
    print("before the commit:")
    show(index, "pets and baking")

    writer.commit()
    index.refresh()
    print("after it:")
    show(index, "pets and baking", filter="year >= 2020")
    show(index, "pets and baking", filter=field("year") < 2020)  # none

    upsert(writer, "dog", "Never to be seen.", 2025)
    writer.rollback()

Index.verify(folder)  # every byte is what was written

"""Search an index while it changes: add, replace, delete, filter, and go back."""

import tempfile

import rarefy
from rarefy.index import Index, Writer, field

model = rarefy.load("splade-tiny")
folder = tempfile.mkdtemp()
texts = {"cat": "The cat sat on the mat.", "bread": "A recipe for bread, with three ingredients."}
query = model.encode_queries(["pets and baking"])

with Writer(folder, vocabulary_size=len(model.vocabulary)) as writer:
    metadata = {"text": list(texts.values()), "year": [2019, 2021]}
    writer.upsert(list(texts), model.encode_documents(list(texts.values())), metadata)
    writer.commit()  # survives a loss of power from here on
    index = Index.open(folder)  # what is committed, whatever the writer does

    text = "A cat flap for the kitchen door."  # replaces the other document of this id
    writer.upsert(["cat"], model.encode_documents([text]), [{"text": text, "year": 2024}])
    writer.delete(["bread"])
    print("before the commit:", *index.metadata(index.search(query).ids[0][:2]), sep="\n  ")
    writer.commit()
    index.refresh()
    found = index.search(query, k=1, filter="year >= 2020").ids[0]
    print("after it:", found[0], index.metadata(found), sep="\n  ")
    print("older ones:", index.search(query, k=1, filter=field("year") < 2020).ids[0])
    writer.delete(["cat"])
    writer.rollback()  # and the cat is back
Index.verify(folder)  # every byte is what was written

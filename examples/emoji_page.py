"""Write a page of the pictures that a collection has, each with its heaviest terms.

rarefy train emoji --out out/emoji
python examples/emoji_page.py out/emoji/model emoji/en out/emoji.html
"""

import base64
import html
import sys
from pathlib import Path

import rarefy
from rarefy.eval import load_collection
from rarefy.sparse.encoders.pictures import picture_path

folder, name, page = sys.argv[1:]
model = rarefy.load(folder)
collection = load_collection(name)
pictures = list(collection.documents)
vectors = model.encode_documents(pictures)
names = dict(zip(collection.query_ids, collection.queries, strict=True))
rows = []
for row, picture in enumerate(pictures):
    drawn = base64.b64encode(picture_path(picture).read_bytes()).decode()
    terms = ", ".join(term for term, _ in model.explain(vectors[[row]], k=10))
    called = names.get(collection.document_ids[row], "")
    rows.append(
        f'<tr><td><img src="data:image/png;base64,{drawn}" width="48" alt="">'
        f"<td>{html.escape(called)}<td>{html.escape(terms)}"
    )
head = "<tr><th>picture<th>name<th>heaviest terms"
Path(page).write_text(
    f'<!doctype html><meta charset="utf-8"><title>{html.escape(name)}</title>'
    f"<table>{head}{''.join(rows)}</table>\n",
    encoding="utf-8",
)
print(f"{page}: {len(rows)} pictures")

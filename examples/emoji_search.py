"""Find emoji by a word in any of fourteen languages, from pictures that no word was stored with.

rarefy train emoji --out out/emoji
rarefy index emoji/en --model out/emoji/model --out out/emoji.index
python examples/emoji_search.py out/emoji/model out/emoji.index Katze 寿司 "gato rojo"
"""

import sys

import rarefy
from rarefy.index import Index

folder, place, *words = sys.argv[1:]
model = rarefy.load(folder).between("languages", "image")
index = Index.open(place)


def character(id: str) -> str:
    """Return the emoji of code points such as 1F408-200D-2B1B."""
    return "".join(chr(int(point, 16)) for point in id.split("-"))


for word in words:
    query = model.encode_queries([word])
    found = [id for id in index.search(query, k=8).ids[0] if id is not None]
    terms = ", ".join(term for term, _ in model.explain(query, k=5))
    print(f"{word}: {' '.join(map(character, found))}  ({terms})")

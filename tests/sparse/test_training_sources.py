"""Sources of pairs: what each reads, and what is left out for a test collection's sake."""

from __future__ import annotations

import gzip
import lzma

import pytest

from rarefy.errors import InputError
from rarefy.sparse.training import OverlapFilter, collect_pairs, read_pairs
from rarefy.sparse.training.sources import (
    Pair,
    Source,
    debian_descriptions,
    docstrings,
    halves,
    judged_pairs,
    wordnet_glosses,
)


def source(*pairs, name="toy"):
    return Source(name, "CC0", "made here", lambda: (Pair(*pair) for pair in pairs))


def test_wordnet(tmp_path):
    licence = "  1 This software and database is being provided to you\n"
    verb = "00001740 29 v 02 breathe 0 take_a_breath 1 005 * 00005041 v 0000 | draw air  into it\n"
    adjective = "00002312 00 a 01 abaxial(p) 0 001 ; 06047430 n 0000 | facing away\n"
    for part, lines in {"noun": "", "verb": verb, "adj": adjective, "adv": ""}.items():
        (tmp_path / f"data.{part}").write_text(licence + lines)
    assert list(wordnet_glosses(tmp_path)) == [
        ("breathe, take a breath", "draw air into it"),
        ("abaxial", "facing away"),
    ]
    (tmp_path / "data.adv").unlink()
    with pytest.raises(InputError, match=r"no file .*data\.adv.*wordnet-base"):
        wordnet_glosses(tmp_path)


PACKAGES = """Package: one
Description-md5: 1
Description-en: first package
 It has a description of more than eight
 words.
 .
 And another paragraph.

Package: two
Description-en: second package
 Too short.

Package: again
Description-en: the same text
 It has a description of more than eight words. And another paragraph.

Package: last
Description: from dpkg's own file
 one two three four five six seven eight
Homepage: http://example.org
 not this
"""


@pytest.mark.parametrize(
    ("suffix", "opening"), [("", open), (".gz", gzip.open), (".xz", lzma.open)]
)
def test_debian(tmp_path, suffix, opening):
    path = tmp_path / f"Translation-en{suffix}"
    with opening(path, "wt") as file:
        file.write(PACKAGES)
    found = debian_descriptions([path])
    expected = [
        (
            "first package",
            "It has a description of more than eight words. And another paragraph.",
        ),
        ("from dpkg's own file", "one two three four five six seven eight"),
    ]
    assert list(found) == expected
    assert list(found) == expected, "a source can be read again"


def test_debian_refusals(tmp_path):
    with pytest.raises(InputError, match="no file"):
        debian_descriptions([tmp_path / "absent"])
    with pytest.raises(InputError, match="apt-get update"):
        debian_descriptions([])


def test_docstrings(tmp_path):
    body = "It goes on for rather more than the twelve words that are asked for here."
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "module.py").write_text(
        f'def f():\n    """Return some thing.\n\n    {body}\n\n    Examples\n    --------\n'
        '    >>> f()\n    """\n\n'
        f'class C:\n    """Return some thing. {body}"""\n\n'
        'def g():\n    """Short. Too short."""\n'
    )
    for place in ("tests", "left_out"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "other.py").write_text(f'"""Another docstring here. {body}"""')
    (tmp_path / "broken.py").write_text("def (:")
    found = docstrings([tmp_path], exclude=["left_out"])
    assert list(found) == [("Return some thing.", body)]
    with pytest.raises(InputError, match="no folder"):
        docstrings([tmp_path / "absent"])


def test_halves():
    text = "One is short. Two is in the middle. Three. Four"
    parted = halves(source(("?", text), ("?", "no sentence ends here."), ("?", "")))
    assert list(parted) == [("One is short.", "Two is in the middle. Three. Four")]
    assert parted.licence == "CC0"


def test_judged_pairs():
    found = judged_pairs(
        "set", "CC0", {"q": "question"}, {"d": "yes", "e": "no"}, {"q": {"d": 2, "e": 0}}
    )
    assert list(found) == [("question", "yes")]


def shares_words(text, others, n):
    """Naive: whether a run of n words, or a whole shorter text, is one of another text."""

    def runs(value):
        words = "".join(c if c.isalnum() else " " for c in value.lower()).split()
        return {tuple(words[i : i + n]) for i in range(max(1, len(words) - n + 1)) if words}

    return any(runs(text) & runs(other) for other in others)


def test_overlap_is_the_naive_one():
    import random

    draw = random.Random(0)
    texts = [" ".join(draw.choices("abcd", k=draw.randint(0, 12))) for _ in range(400)]
    pairs = list(dict.fromkeys(zip(texts[:150], texts[150:300], strict=True)))
    collections = {"one": texts[300:310], "two": texts[310:315]}
    clean = OverlapFilter(collections, ngram=4)
    kept = list(clean(source(*pairs)))
    overlapping = {
        name: sum(any(shares_words(text, others, 4) for text in pair) for pair in pairs)
        for name, others in collections.items()
    }
    assert kept == [
        pair
        for pair in pairs
        if not any(shares_words(t, others, 4) for t in pair for others in collections.values())
    ]
    counts = clean.report.sources["toy"]
    assert counts["overlapping"] == overlapping
    assert counts["pairs"] == len(pairs)
    assert 0 < counts["kept"] == len(kept) < len(pairs)


def test_duplicates_across_sources_and_the_table():
    clean = OverlapFilter({"tests": ["a b c, d!"]}, ngram=3)
    assert list(clean(source(("x", "y"), ("X", " y. "), ("z", "(B) c d e")))) == [("x", "y")]
    assert list(clean(source(("x", "y"), ("x", "z"), name="other"))) == [("x", "z")]
    assert clean.report.as_table() == (
        "| source | pairs | duplicates | share 3 words with | kept | licence |\n"
        "|---|---|---|---|---|---|\n"
        "| toy | 3 | 1 | tests 1 | 1 | CC0 |\n"
        "| other | 2 | 1 | - | 1 | CC0 |\n"
    )


def test_no_collections_and_bad_input():
    assert list(OverlapFilter({})(source(("x", "y")))) == [("x", "y")]
    assert list(OverlapFilter({"empty": []})(source(("x", "y")))) == [("x", "y")]
    with pytest.raises(InputError, match="ngram is 0"):
        OverlapFilter({}, ngram=0)


def test_pairs_are_collected_once(tmp_path):
    one, two = (source(*((f"{n} {i}", str(i)) for i in range(20)), name=n) for n in "ab")
    pairs = collect_pairs([one, two], OverlapFilter({"set": ["a 3"]}), 10, tmp_path, seed=1)
    assert len(set(pairs)) == 10
    assert "a 3" not in {pair.query for pair in pairs}
    assert {pair.query[0] for pair in pairs} == {"a", "b"}
    assert read_pairs(tmp_path) == pairs
    again = collect_pairs([one, two], OverlapFilter({"set": ["a 3"]}), 10, tmp_path, seed=1)
    assert again == pairs
    assert "| a | 20 | 0 | set 1 | 19 | CC0 |" in (tmp_path / "overlap.md").read_text()
    other = collect_pairs([one, two], OverlapFilter({}), 10, tmp_path, seed=2)
    assert other != pairs


def test_nothing_collected(tmp_path):
    assert read_pairs(tmp_path) is None
    with pytest.raises(InputError, match="no pairs left"):
        collect_pairs([source()], OverlapFilter({}), 10, tmp_path)
    with pytest.raises(InputError, match="size is 0"):
        collect_pairs([source()], OverlapFilter({}), 0, tmp_path)
    (tmp_path / "pairs.jsonl.gz").write_bytes(b"broken")
    with pytest.raises(InputError, match="delete it, and it is collected anew"):
        read_pairs(tmp_path)

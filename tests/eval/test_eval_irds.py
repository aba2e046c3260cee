from types import SimpleNamespace as Record

import pytest

from rarefy.errors import InputError
from rarefy.eval.collections import irds, load_collection


def text(**fields):
    return Record(default_text=lambda: fields.pop("text"), **fields)


class Dataset:
    """What ir_datasets gives, without its downloads."""

    def __init__(self, qrels=True):
        self._qrels = qrels

    def has_docs(self):
        return True

    has_queries = has_docs

    def has_qrels(self):
        return self._qrels

    def docs_iter(self):
        return iter([text(doc_id="d1", text="Title a text "), text(doc_id="d2", text="b")])

    def queries_iter(self):
        return iter([text(query_id="q1", text="what"), text(query_id="q2", text="why")])

    def qrels_iter(self):
        return iter(
            [
                Record(query_id="q1", doc_id="d1", relevance=2, iteration="0"),
                Record(query_id="q1", doc_id="d9", relevance=1, iteration="0"),
                Record(query_id="q9", doc_id="d1", relevance=1, iteration="0"),
            ]
        )


def test_a_dataset_becomes_a_collection(monkeypatch):
    asked = []

    def load(name):
        asked.append(name)
        return Dataset()

    monkeypatch.setattr(irds, "require", lambda module, extra: Record(load=load))
    found = load_collection("irds:made/up", split="test")
    assert asked == ["made/up/test"]
    assert (found.name, found.split) == ("made/up/test", "test")
    assert found.document_ids == ["d1", "d2"]
    assert found.documents == ["Title a text", "b"]
    assert found.queries == ["what", "why"]
    assert found.qrels == {"q1": {"d1": 2}}


def test_a_dataset_that_cannot_be_fetched_is_an_error(monkeypatch):
    class Unreachable(Dataset):
        def docs_iter(self):
            raise ConnectionError("no network")

    made = Record(load=lambda name: Unreachable())
    monkeypatch.setattr(irds, "require", lambda module, extra: made)
    with pytest.raises(InputError, match=r"cannot fetch 'made/up' \(no network\)"):
        load_collection("irds:made/up")


def test_a_dataset_without_judgements_is_an_error():
    with pytest.raises(InputError, match="'made/up' has no qrels"):
        irds.from_dataset("made/up", Dataset(qrels=False))


def test_an_unknown_id_is_an_error():
    pytest.importorskip("ir_datasets")
    with pytest.raises(InputError, match=r"no data set 'no/such'"):
        load_collection("irds:no/such")

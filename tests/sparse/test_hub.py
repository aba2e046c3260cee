"""Names on the hub: asked for where it answers, and from its cache on disk alone where not."""

from __future__ import annotations

import pytest

pytest.importorskip("sentence_transformers")

import rarefy
from rarefy.errors import InputError
from rarefy.sparse.encoders import pipeline

pytestmark = pytest.mark.models


class Model:
    """Records how it would have been loaded."""

    asked: list[bool]

    @classmethod
    def _load_with_module_classes(cls, name, classes, *, local_files_only, **_):
        cls.asked = [local_files_only]
        raise OSError("nothing there")


class Session:
    def __init__(self, error=None):
        self.error = error

    def head(self, url, *, timeout):
        assert timeout <= 5
        if self.error:
            raise self.error


@pytest.mark.parametrize(
    ("session", "from_disk", "message"),
    [
        (Session(), False, "the Hugging Face hub gave no such model"),
        (Session(ConnectionError("no network")), True, "the Hugging Face hub does not answer"),
    ],
)
def test_a_hub_that_does_not_answer_is_asked_once(monkeypatch, session, from_disk, message):
    monkeypatch.setattr(pipeline, "get_session", lambda: session)
    with pytest.raises(InputError, match=message):
        pipeline.load_pipeline(Model, "nobody/such-model", "cpu")
    assert Model.asked == [from_disk]


@pytest.mark.parametrize(
    ("name", "meant"), [("splade-tinny", "splade-tiny"), ("minilm_d2s", "minilm-d2s")]
)
def test_a_slip_of_the_pen_is_asked_about(monkeypatch, name, meant):
    monkeypatch.setattr(pipeline, "get_session", lambda: Session(ConnectionError("no network")))
    with pytest.raises(InputError, match=f"{name}' cannot be loaded.*did you mean '{meant}'"):
        rarefy.load(name)


def test_a_folder_needs_no_hub(monkeypatch, tmp_path):
    monkeypatch.setattr(pipeline, "get_session", lambda: pytest.fail("the hub was asked"))
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(InputError, match="expected a folder that"):
        pipeline.load_pipeline(Model, tmp_path, "cpu")
    assert Model.asked == [True]

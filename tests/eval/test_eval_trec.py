import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarefy.errors import InputError
from rarefy.eval import read_qrels, read_run, write_qrels, write_run
from rarefy.eval.run import ranking, run_from_rows

words = st.text(
    st.characters(codec="utf-8", exclude_categories=("Z", "C")), min_size=1, max_size=4
).filter(lambda word: len(word.split()) == 1)
scores = st.floats(-1e6, 1e6, width=32) | st.sampled_from([0.0, 1.0, 1.0 + 1e-9])
runs = st.dictionaries(words, st.dictionaries(words, scores, min_size=1, max_size=8), max_size=4)


def test_equal_scores_are_ordered_by_id_last_first():
    assert ranking({"a": 1.0, "c": 1.0, "b": 2.0, "d": 1.0}) == ["b", "d", "c", "a"]


def test_rows_become_a_run():
    rows = np.array([[2, 0], [1, -1], [-1, -1]])
    found = run_from_rows(
        rows,
        np.array([[3.0, 1.0], [2.0, -np.inf], [-np.inf, -np.inf]], dtype=np.float32),
        ["q1", "q2", "q3"],
        ["a", "b", "c"],
    )
    assert found == {"q1": {"c": 3.0, "a": 1.0}, "q2": {"b": 2.0}, "q3": {}}


@settings(max_examples=100, deadline=None)
@given(run=runs)
def test_a_run_read_back_has_the_order_it_was_written_in(tmp_path_factory, run):
    path = tmp_path_factory.mktemp("runs") / "run.trec.gz"
    write_run(path, run)
    found = read_run(path)
    assert list(found) == list(run)
    for query_id, wanted in run.items():
        order = ranking(wanted)
        assert list(found[query_id]) == order
        written = np.array(list(found[query_id].values()), dtype=np.float32)
        assert (np.diff(written) < 0).all()
        np.testing.assert_allclose(written, [wanted[key] for key in order], rtol=1e-5, atol=1e-6)


def test_the_columns_are_those_of_trec(tmp_path):
    path = tmp_path / "run.trec"
    write_run(path, {"q1": {"a": 1.0, "b": 2.5}}, tag="mine")
    assert path.read_text() == "q1 Q0 b 1 2.5 mine\nq1 Q0 a 2 1.0 mine\n"


def test_qrels_read_back_are_the_same(tmp_path):
    qrels = {"q1": {"a": 1, "b": 0}, "q2": {"a": -1}}
    write_qrels(tmp_path / "qrels.txt", qrels)
    assert (tmp_path / "qrels.txt").read_text() == "q1 0 a 1\nq1 0 b 0\nq2 0 a -1\n"
    assert read_qrels(tmp_path / "qrels.txt") == qrels


@pytest.mark.parametrize(
    ("run", "tag", "message"),
    [
        ({"q1": {"a b": 1.0}}, "t", "document id 'a b' cannot stand"),
        ({"q 1": {"a": 1.0}}, "t", "query id 'q 1'"),
        ({"q1": {"": 1.0}}, "t", "document id ''"),
        ({"q1": {"a": 1.0}}, "two words", "tag 'two words'"),
        ({"q1": {"a": float("nan")}}, "t", "'a' has the score nan"),
        ({"q1": {"a": float("inf")}}, "t", "'a' has the score inf"),
        ({"q1": {"a": 1e39}}, "t", "'a' has the score 1e\\+39; expected a finite float32"),
    ],
)
def test_runs_that_cannot_be_written_are_errors(tmp_path, run, tag, message):
    with pytest.raises(InputError, match=message):
        write_run(tmp_path / "run.trec", run, tag=tag)


@pytest.mark.parametrize(
    ("read", "text", "message"),
    [
        (read_run, "q1 Q0 a 1 1.0 t\nq1 Q0 a\n", ":2: 3 columns"),
        (read_run, "q1 Q0 a 1 high t\n", ":1: score 'high'"),
        (read_run, "q1 Q0 a 1 nan t\n", ":1: score 'nan'"),
        (read_run, "q1 Q0 a 1 2 t\nq1 Q0 a 2 1 t\n", ":2: document 'a' occurs twice"),
        (read_qrels, "q1 0 a\n", ":1: 3 columns"),
        (read_qrels, "q1 0 a yes\n", ":1: grade 'yes'"),
        (read_qrels, "q1 0 a 1\nq1 0 a 1\n", ":2: document 'a' is judged twice"),
    ],
)
def test_broken_files_are_errors_that_name_the_line(tmp_path, read, text, message):
    path = tmp_path / "file.txt"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read(path)


def test_files_that_cannot_be_opened_are_errors(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        read_run(tmp_path / "none.trec")
    with pytest.raises(InputError, match="no such folder"):
        write_run(tmp_path / "none" / "run.trec", {})
    with pytest.raises(InputError, match="cannot be opened"):
        read_run(tmp_path)

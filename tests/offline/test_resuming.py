"""What a build that goes on, or begins again, makes of what was left by others."""

import shutil

import numpy as np
import pytest
import scipy.sparse

from rarefy.errors import InputError
from rarefy.index import Index
from rarefy.index.distributed import DistributedIndex
from rarefy.offline import build
from rarefy.offline import building as steps

pytestmark = pytest.mark.jit


class Interrupted(Exception):
    pass


def interrupted(monkeypatch, step, *source_and_out, **settings):
    """Begin a build that comes as far as a step."""

    def stop(*_):
        raise Interrupted

    with monkeypatch.context() as patch, pytest.raises(Interrupted):
        patch.setattr(steps, step, stop)
        build(*source_and_out, **settings)


def test_the_build_of_another_output_is_not_gone_on_with(corpus, model, tmp_path, monkeypatch):
    settings = {"model": model, "work": tmp_path / "work"}
    interrupted(monkeypatch, "_work", corpus, tmp_path / "a" / "news", **settings)
    with pytest.raises(InputError, match=r"out is .*/b/news, the build began with .*/a/news"):
        build(corpus, tmp_path / "b" / "news", **settings)
    assert build(corpus, tmp_path / "a" / "news", **settings).documents == 300


def test_a_source_that_was_moved_is_not_read_where_it_was(corpus, model, tmp_path, monkeypatch):
    interrupted(monkeypatch, "_work", corpus, tmp_path / "out", model=model)
    moved = shutil.copytree(corpus.parent, tmp_path / "moved")
    corpus.write_text(corpus.read_text().replace("d7", "e7"))
    with pytest.raises(InputError, match=r"source is .*moved/corpus.jsonl, the build began with"):
        build(moved, tmp_path / "out", model=model)


def test_what_a_killed_process_half_wrote_is_no_part(corpus, model, tmp_path, bytes_of):
    build(corpus, tmp_path / "whole", model=model)
    left = tmp_path / "out.building" / "origin" / ".terms.json-0"
    left.parent.mkdir(parents=True)
    for path in (left, left.parents[1] / "write.lock"):
        path.touch()
    build(corpus, tmp_path / "out", model=model)
    assert bytes_of(tmp_path / "out") == bytes_of(tmp_path / "whole")


@pytest.mark.parametrize("shards", [None, 2])
def test_it_goes_on_beside_what_was_half_written(
    corpus, model, tmp_path, monkeypatch, bytes_of, shards
):
    settings = {"model": model, "shards": shards}
    build(corpus, tmp_path / "whole", **settings)
    interrupted(monkeypatch, "_commit", corpus, tmp_path / "out", **settings)
    (tmp_path / "out" / "0123456789abcdef.partial").touch()
    build(corpus, tmp_path / "out", **settings)
    assert bytes_of(tmp_path / "out") == bytes_of(tmp_path / "whole")


@pytest.mark.parametrize("shards", [None, 2])
def test_pieces_of_a_build_that_was_given_up_are_not_taken(
    corpus, model, tmp_path, monkeypatch, bytes_of, shards
):
    settings = {"model": model, "shards": shards}
    build(corpus, tmp_path / "whole", **settings)
    interrupted(monkeypatch, "_commit", corpus, tmp_path / "out", **settings)
    shutil.rmtree(tmp_path / "out.building")
    for file in [*tmp_path.glob("out/segment-*"), *tmp_path.glob("out/*/segment-*")]:
        file.unlink()
        file.write_bytes(b"of another processor")
    build(corpus, tmp_path / "out", **settings)
    assert bytes_of(tmp_path / "out") == bytes_of(tmp_path / "whole")


@pytest.mark.parametrize("shards", [None, 2])
def test_an_index_that_came_meanwhile_is_not_replaced(corpus, model, tmp_path, monkeypatch, shards):
    out, work, two = tmp_path / "out", steps._work, scipy.sparse.csr_array(np.eye(2))

    def slow(*arguments):
        if shards is None:
            Index.build(two).save(out)
        else:
            DistributedIndex.build(two, storage=out, shards=1).close()
        return work(*arguments)

    monkeypatch.setattr(steps, "_work", slow)
    with pytest.raises(InputError, match="holds an index"):
        build(corpus, out, model=model, shards=shards)
    if shards is None:
        assert len(Index.open(out)) == 2
    else:
        with DistributedIndex(out) as theirs:
            assert len(theirs) == 2

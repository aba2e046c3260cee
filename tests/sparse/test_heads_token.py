"""The head over token states: against loops, and against built-in modules to the bit."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
st = pytest.importorskip("sentence_transformers")

from sentence_transformers.base.modules import Transformer  # noqa: E402

from rarefy.errors import InputError  # noqa: E402
from rarefy.sparse.heads.token_to_sparse import TokenToSparse  # noqa: E402
from rarefy.sparse.vocabulary import Vocabulary  # noqa: E402

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def transformer(write_bert, tmp_path_factory):
    """A tiny random BERT that gives token states."""
    path = tmp_path_factory.mktemp("encoder")
    return Transformer(write_bert(path, transformers.BertModel, max_position_embeddings=40))


@pytest.fixture
def encoder(transformer, tokenizer):
    """What a head asks of an encoder."""
    pooling = st.sentence_transformer.modules.Pooling(16)
    return SimpleNamespace(
        pipeline=st.SentenceTransformer(modules=[transformer, pooling], device="cpu"),
        vocabulary=Vocabulary.from_tokenizer(tokenizer),
        word_embeddings=transformer.auto_model.get_input_embeddings().weight.detach(),
    )


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(2)
    states = torch.randn(3, 5, 4, generator=generator)
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [1, 1, 1, 1, 0]])
    return {"token_embeddings": states, "attention_mask": mask}


def gelu(x):
    return x * (1 + math.erf(x / math.sqrt(2))) / 2


def naive(head, states, mask, k):
    """Loops over texts, tokens and terms."""
    rows = []
    for tokens, present in zip(states.tolist(), mask.tolist(), strict=True):
        best = [0.0] * head.vocabulary_size
        for state, there in zip(tokens, present, strict=True):
            if not there:
                continue
            if head.residual is not None:
                weight, bias = head.residual.weight.tolist(), head.residual.bias.tolist()
                state = [
                    x + gelu(sum(a * y for a, y in zip(row, state, strict=True)) + b)
                    for x, row, b in zip(state, weight, bias, strict=True)
                ]
            logits = [
                sum(a * y for a, y in zip(row, state, strict=True)) + b - head.threshold
                for row, b in zip(
                    head.linear.weight.tolist(), head.linear.bias.tolist(), strict=True
                )
            ]
            kept = sorted(range(len(logits)), key=lambda v: -logits[v])[: head.token_terms]
            for v in kept:
                best[v] = max(best[v], logits[v])
        floor = sorted(best, reverse=True)[k - 1] if k else 0
        rows.append([math.log1p(value) if value >= floor else 0.0 for value in best])
    return rows


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"adapter": True, "threshold": 0.3},
        {"token_terms": 2, "chunk": 2},
        {"query_terms": 3, "document_terms": 4, "adapter": True, "chunk": 3},
    ],
    ids=str,
)
def test_against_loops(options, batch):
    torch.manual_seed(0)
    head = TokenToSparse(4, 9, **options)
    if head.residual is not None:
        torch.nn.init.normal_(head.residual.weight)
    for task, k in (("query", head.query_terms), ("document", head.document_terms)):
        weights = head(dict(batch), task=task)["sentence_embedding"]
        expected = naive(head, batch["token_embeddings"], batch["attention_mask"], k)
        torch.testing.assert_close(weights, torch.tensor(expected), atol=1e-5, rtol=1e-5)


def test_tied_and_fitted(encoder, texts):
    head = TokenToSparse.tied_to(encoder, threshold=1.0)
    head.fit(encoder, texts)
    states = encoder.pipeline.encode(texts, output_value="token_embeddings", convert_to_numpy=False)
    words = head.linear.weight.any(1)
    special = sorted(encoder.vocabulary.special)
    assert words.sum() > 10
    assert not words[special].any()
    logits = head.linear(torch.cat(states))[:, words]
    torch.testing.assert_close(logits.mean(0), torch.zeros(int(words.sum())), atol=1e-4, rtol=0)
    torch.testing.assert_close(
        logits.std(0, correction=0), torch.ones(int(words.sum())), atol=1e-4, rtol=0
    )
    pipeline = st.SparseEncoder(modules=[encoder.pipeline[0], head], device="cpu")
    rows = pipeline.encode_document(texts).to_dense()
    assert rows.any()
    assert not rows[:, ~words].any()
    with pytest.raises(InputError, match="has 1 distinct texts"):
        head.fit(encoder, ["one", "one"])


@pytest.mark.parametrize(
    "options", [{}, {"adapter": True, "threshold": 0.7}, {"chunk": 4, "document_terms": 7}], ids=str
)
def test_builtin_modules_give_the_same_bits(options, encoder, texts, tmp_path):
    torch.manual_seed(1)
    head = TokenToSparse.tied_to(encoder, **options)
    head.fit(encoder, texts)
    if head.residual is not None:
        torch.nn.init.normal_(head.residual.weight, std=0.3)
    modules = [encoder.pipeline[0], head]
    own = st.SparseEncoder(modules=modules, device="cpu").encode_document(texts).to_dense()
    exported = st.SparseEncoder(
        modules=[encoder.pipeline[0], *head.builtin()],
        max_active_dims=head.document_terms,
        device="cpu",
    )
    exported.save_pretrained(str(tmp_path / "m"), create_model_card=False)
    again = st.SparseEncoder(str(tmp_path / "m"), device="cpu")  # with no code of this package
    assert torch.equal(exported.encode_document(texts).to_dense(), own)
    assert torch.equal(again.encode_document(texts).to_dense(), own)
    assert own.any()


def test_saved_and_loaded(batch, tmp_path):
    head = TokenToSparse(4, 9, token_terms=2, adapter=True, query_terms=3)
    head.save(str(tmp_path))
    again = TokenToSparse.load(str(tmp_path))
    assert again.get_config_dict() == head.get_config_dict()
    weights = head(dict(batch), task="query")["sentence_embedding"]
    assert torch.equal(again(dict(batch), task="query")["sentence_embedding"], weights)


def test_a_term_without_a_row_never_gets_one(batch):
    head = TokenToSparse(4, 9)
    with torch.no_grad():
        head.linear.weight[[2, 5]] = 0
        head.linear.bias[[2, 5]] = 0
    optimiser = torch.optim.SGD(head.parameters(), lr=0.5)
    for _ in range(3):
        optimiser.zero_grad()
        (-head(dict(batch))["sentence_embedding"].sum()).backward()
        optimiser.step()
    assert not head.linear.weight[[2, 5]].any()
    assert not head(dict(batch))["sentence_embedding"][:, [2, 5]].any()
    assert head.linear.weight.grad.any()


def test_bad_input():
    with pytest.raises(InputError, match="token_terms is 0"):
        TokenToSparse(4, 9, token_terms=0)
    with pytest.raises(InputError, match="threshold is -2"):
        TokenToSparse(4, 9, threshold=-2)
    with pytest.raises(InputError, match="token_terms is 3; expected None"):
        TokenToSparse(4, 9, token_terms=3).builtin()

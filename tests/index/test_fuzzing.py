"""Bytes with checksums that fit are refused, or give something that can be searched.

A coverage-guided fuzzer does this at length (benchmarks/durability.py); what it found worth keeping
is in tests/data/corpus.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

pytest.importorskip("pyarrow")

from proofs.fuzzing import TARGETS, seeds

CORPUS = Path(__file__).parents[1] / "data" / "corpus"


def kept(target):
    return [path.read_bytes() for path in sorted((CORPUS / target).iterdir())]


def mutated(rng, data):
    """Change, insert, double or remove some bytes."""
    data = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at = rng.randint(0, len(data))
        end = min(len(data), at + rng.choice([0, 1, 1, 2, 8]))
        piece = rng.choice([rng.randbytes(rng.choice([1, 2, 8])), bytes(data[at:end]) * 2, b""])
        data[at:end] = piece
    return bytes(data)


@pytest.mark.parametrize("target", TARGETS)
def test_inputs_that_were_kept_are_refused_or_answered(target):
    inputs = kept(target) + seeds(target)
    answers = [TARGETS[target](data) for data in inputs]
    assert True in answers and False in answers


@pytest.mark.parametrize("target", TARGETS)
def test_mutations_of_them_are_refused_or_answered(target):
    rng = random.Random(0)
    inputs = kept(target)
    answers = [TARGETS[target](mutated(rng, rng.choice(inputs))) for _ in range(300)]
    assert answers.count(False) > 30


def test_the_corpus_is_small():
    assert sum(path.stat().st_size for path in CORPUS.rglob("*") if path.is_file()) < 200_000

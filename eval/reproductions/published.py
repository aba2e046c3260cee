"""The published values, each with the place that it is copied from."""

from __future__ import annotations

from rarefy.eval.reproductions.reproduction import BITEXT, Reproduction

__all__ = ["PUBLISHED"]

_ANSERINI = "Anserini, from-document-collection/configs/beir-v1.0.0-{}.yaml"
_MTEB = "MTEB results of all-MiniLM-L6-v2, {}.json"
_BM25S = "bm25s 0.3.16 with the same parameters, README of the collection"
_EXACT = 5e-5  # equal to the four places that are printed

PUBLISHED: tuple[Reproduction, ...] = (
    Reproduction(
        "bm25-scifact",
        "bm25",
        "scifact",
        {"nDCG@10": 0.6789, "R@100": 0.9253},
        _ANSERINI.format("scifact.flat"),
    ),
    Reproduction(
        "bm25-nfcorpus",
        "bm25",
        "nfcorpus",
        {"nDCG@10": 0.3218, "R@100": 0.2457},
        _ANSERINI.format("nfcorpus.flat"),
    ),
    Reproduction(
        "bm25-miracl-yo",
        "bm25, white space",
        "miracl-yo",
        {"nDCG@10": 0.4059, "R@100": 0.7325},
        "Pyserini, 2cr/miracl.yaml",
        split="dev",
    ),
    Reproduction(
        "wordpieces-scifact",
        "bm25, word-pieces",
        "scifact",
        {"nDCG@10": 0.6718, "R@100": 0.9213},
        _ANSERINI.format("scifact.flat-wp"),
    ),
    Reproduction(
        "wordpieces-nfcorpus",
        "bm25, word-pieces",
        "nfcorpus",
        {"nDCG@10": 0.3142, "R@100": 0.2441},
        _ANSERINI.format("nfcorpus.flat-wp"),
    ),
    Reproduction(
        "lucene-scifact",
        "bm25, Lucene",
        "scifact",
        {"nDCG@10": 0.6789, "R@100": 0.9253},
        _ANSERINI.format("scifact.flat"),
    ),
    Reproduction(
        "lucene-nfcorpus",
        "bm25, Lucene",
        "nfcorpus",
        {"nDCG@10": 0.3218, "R@100": 0.2457},
        _ANSERINI.format("nfcorpus.flat"),
    ),
    Reproduction(
        "lucene-miracl-yo",
        "bm25, Lucene",
        "miracl-yo",
        {"nDCG@10": 0.4059, "R@100": 0.7325},
        "Pyserini, 2cr/miracl.yaml",
        split="dev",
    ),
    Reproduction(
        "splade-v3-nfcorpus",
        "SPLADE-v3 vectors",
        "nfcorpus",
        {"nDCG@10": 0.3624},
        "Pyserini, docs/conceptual-framework3.md",
        tolerance=_EXACT,
    ),
    Reproduction(
        "minilm-scifact",
        "all-MiniLM-L6-v2",
        "scifact",
        {"nDCG@10": 0.6451, "R@100": 0.9250},
        _MTEB.format("SciFact"),
    ),
    Reproduction(
        "minilm-nfcorpus",
        "all-MiniLM-L6-v2",
        "nfcorpus",
        {"nDCG@10": 0.3159, "R@100": 0.3115},
        _MTEB.format("NFCorpus"),
    ),
    *(
        Reproduction(
            name,
            recipe,
            "cacm",
            {"AP": 0.3123, "P@30": 0.1942},
            "Anserini, from-document-collection/configs/cacm.yaml",
            incomparable="the collection leaves out the citation blocks of Anserini's pages, and "
            "pads the ids of its judgements to match the documents",
        )
        for name, recipe in (("bm25-cacm", "bm25"), ("lucene-cacm", "bm25, Lucene"))
    ),
    *(
        Reproduction(
            f"minilm-tatoeba-{language}",
            "all-MiniLM-L6-v2",
            f"tatoeba/{language}-eng",
            {BITEXT: value},
            _MTEB.format("Tatoeba"),
        )
        for language, value in (("fra", 0.0817), ("deu", 0.0789), ("cmn", 0.0192), ("jpn", 0.0097))
    ),
    # No value is published for these: another implementation's stands in.
    Reproduction(
        "bm25-cranfield", "bm25", "cranfield", {"nDCG@10": 0.3668, "R@100": 0.7213}, _BM25S
    ),
    Reproduction(
        "bm25-coco-captions", "bm25", "coco-captions", {"nDCG@10": 0.2539, "R@100": 0.6431}, _BM25S
    ),
    Reproduction(
        "bm25-xquad-r-en", "bm25", "xquad-r/en", {"nDCG@10": 0.8460, "R@100": 0.9765}, _BM25S
    ),
)

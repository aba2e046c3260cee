"""A published result, and what became of measuring it again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from rarefy.errors import InputError, MissingExtraError

__all__ = [
    "BITEXT",
    "Outcome",
    "Reproduction",
    "Verdict",
    "outcome_rows",
    "reproduce",
    "reproduction",
]

BITEXT = "bitext F1"
"""The one measure that is not ir_measures': see `rarefy.eval.bitext`."""

Verdict = Literal["reproduced", "differs", "not comparable", "skipped"]


@dataclass(frozen=True)
class Reproduction:
    """A published result.

    Parameters
    ----------
    name
        What ``rarefy reproduce`` calls it.
    recipe
        Name of what is run, one of `rarefy.eval.reproductions.recipes.RECIPES`.
    collection
        Its folder, below that of all collections.
    published
        Measure -> value: measures of ir_measures, or `BITEXT` alone.
    source
        Where the values are from.
    split
        The judgements.
    tolerance
        The largest difference that counts as the same.
    incomparable
        Why a difference is to be expected; such a result is measured, but not judged.
    """

    name: str
    recipe: str
    collection: str
    published: dict[str, float]
    source: str
    split: str = "test"
    tolerance: float = 0.005
    incomparable: str = ""


@dataclass(frozen=True)
class Outcome:
    """What became of a reproduction.

    Parameters
    ----------
    reproduction
        What was measured again.
    ours
        Measure -> value; empty if it was skipped.
    reason
        Why it was skipped.
    """

    reproduction: Reproduction
    ours: dict[str, float]
    reason: str = ""

    @property
    def verdict(self) -> Verdict:
        """``"reproduced"`` where every measure is within the tolerance."""
        made = self.reproduction
        if self.reason:
            return "skipped"
        if made.incomparable:
            return "not comparable"
        near = (
            abs(self.ours[measure] - value) <= made.tolerance
            for measure, value in made.published.items()
        )
        return "reproduced" if all(near) else "differs"


def reproduction(name: str, published: Sequence[Reproduction]) -> Reproduction:
    """Find a reproduction by its name.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    found = {made.name: made for made in published}
    if name not in found:
        raise InputError(f"nothing to reproduce is called {name!r}; expected {', '.join(found)}")
    return found[name]


def reproduce(made: Reproduction, data: str | Path) -> Outcome:
    """Measure a published result again.

    It is skipped, with the reason, where the collection or a package that it needs is not there.

    Parameters
    ----------
    made
        One of `rarefy.eval.reproductions.PUBLISHED`.
    data
        The folder that holds the collections' folders.

    Raises
    ------
    InputError
        If the collection is broken.
    """
    from rarefy.eval.bitext import bitext_f1
    from rarefy.eval.collections import load_collection
    from rarefy.eval.measures import evaluate
    from rarefy.eval.reproductions.recipes import RECIPES

    folder = Path(data, made.collection)
    if not folder.is_dir():
        return Outcome(made, {}, f"there is no collection at {folder}")
    collection = load_collection(str(folder), split=made.split).judged()
    try:
        run = RECIPES[made.recipe](collection, folder)
    except MissingExtraError as error:
        return Outcome(made, {}, str(error))
    if set(made.published) == {BITEXT}:
        return Outcome(made, {BITEXT: bitext_f1(run, collection.qrels)})
    return Outcome(made, evaluate(run, collection.qrels, list(made.published)).mean)


def outcome_rows(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Return the table: a row for each measure of each outcome.

    Returns
    -------
    list
        Of ``name``, ``system``, ``collection``, ``split``, ``measure``, ``published``, ``ours`` and
        ``difference`` (None if it was skipped), ``tolerance``, ``verdict``, ``source`` and
        ``note``.
    """
    rows = []
    for outcome in outcomes:
        made = outcome.reproduction
        for measure, value in made.published.items():
            ours = outcome.ours.get(measure)
            rows.append(
                {
                    "name": made.name,
                    "system": made.recipe,
                    "collection": made.collection,
                    "split": made.split,
                    "measure": measure,
                    "published": value,
                    "ours": ours,
                    "difference": None if ours is None else ours - value,
                    "tolerance": made.tolerance,
                    "verdict": outcome.verdict,
                    "source": made.source,
                    "note": outcome.reason or made.incomparable,
                }
            )
    return rows

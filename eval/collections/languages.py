"""The language that lexical systems take a collection for, where nobody says."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice

__all__ = ["guess_language"]

_SAMPLE = 200  # texts
_SCRIPTS = {
    "ja": re.compile("[\u3040-\u30ff]"),  # kana
    "ko": re.compile("[\u1100-\u11ff\uac00-\ud7af]"),  # hangul
    "zh": re.compile("[\u3400-\u4dbf\u4e00-\u9fff]"),
}
_SHARE = 0.1  # of the word characters


def guess_language(texts: Iterable[str]) -> str:
    """Tell Japanese, Korean and Chinese by their scripts; all else is taken for English.

    Parameters
    ----------
    texts
        The first 200 are looked at.

    Returns
    -------
    str
        ``"ja"``, ``"ko"``, ``"zh"`` or ``"en"``.
    """
    sample = " ".join(islice(texts, _SAMPLE))
    letters = len(re.findall(r"\w", sample))
    for language, script in _SCRIPTS.items():
        if len(script.findall(sample)) > _SHARE * letters:
            return language
    return "en"

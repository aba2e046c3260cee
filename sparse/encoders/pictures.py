"""Pictures by name: a file, or one inside of an installed package."""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rarefy.errors import InputError, require

__all__ = ["picture_key", "picture_path", "read_picture"]

_PACKAGE = "package:"


def picture_path(name: str) -> Path:
    """Return the file that a name stands for.

    Parameters
    ----------
    name
        A path, or ``package:<module>/<path>`` for a file that an installed package carries, which
        reads the same on every machine.

    Raises
    ------
    InputError
        If there is no such file, or no such package.
    """
    path = Path(name)
    if name.startswith(_PACKAGE):
        module, _, inside = name.removeprefix(_PACKAGE).partition("/")
        found = find_spec(module) if module.isidentifier() else None
        if found is None or not found.submodule_search_locations:
            raise InputError(
                f"{name} is in the package {module!r}, which is not installed: install it, or "
                "name a file"
            )
        path = Path(next(iter(found.submodule_search_locations)), inside)
    if not path.is_file():
        raise InputError(
            f"there is no picture {name!r}; expected the path of a file, or "
            f"{_PACKAGE}<module>/<path>"
        )
    return path


def read_picture(name: str) -> Any:
    """Read a picture as RGB; what is transparent becomes white.

    Parameters
    ----------
    name
        As for :func:`picture_path`.

    Returns
    -------
    PIL.Image.Image
        In the mode ``"RGB"``; of several frames the first one.

    Raises
    ------
    InputError
        If there is no such file, or it is no picture.
    MissingExtraError
        If Pillow is not installed.
    """
    pillow = require("PIL.Image", "image")
    path = picture_path(name)
    try:
        with pillow.open(path) as opened:
            layers = opened.convert("RGBA")
    except (OSError, SyntaxError, ValueError, pillow.DecompressionBombError) as error:
        raise InputError(
            f"{name} is not a picture that can be read ({error}); expected a PNG, JPEG, WebP or "
            "another format of Pillow's"
        ) from error
    white = pillow.new("RGBA", layers.size, "white")
    return pillow.alpha_composite(white, layers).convert("RGB")


def picture_key(name: str, role: str | None) -> bytes:
    """Return the key of a picture: of what the file holds, not of its name."""
    digest = hashlib.sha256(f"{role}\0picture\0".encode())
    digest.update(picture_path(name).read_bytes())
    return digest.digest()

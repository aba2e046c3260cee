"""Pictures by name: a file, one inside of an installed package, or a data URL that holds it."""

from __future__ import annotations

import base64
import hashlib
import re
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Any

from rarefy.errors import InputError, require

__all__ = ["is_data_url", "picture_key", "picture_path", "read_picture"]

_PACKAGE = "package:"
_DATA = re.compile(r"data:image/[\w.+-]+;base64,")
# Of data URLs, which may come from anybody.
_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "WEBP")
_PIXELS = 2**24


def is_data_url(name: str) -> bool:
    """Whether a name holds the picture itself: ``data:image/png;base64,...`` (RFC 2397)."""
    return _DATA.match(name) is not None


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
        As for :func:`picture_path`; or a data URL in base64, of at most 16,777,216 pixels, whose
        format is BMP, GIF, JPEG, PNG or WebP.

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
    held = is_data_url(name)
    path = None if held else picture_path(name)
    try:
        source = BytesIO(_decoded(name)) if path is None else path
        with pillow.open(source, formats=_FORMATS if held else None) as opened:
            if held and opened.width * opened.height > _PIXELS:
                raise ValueError(f"{opened.width} by {opened.height} pixels, at most {_PIXELS}")
            layers = opened.convert("RGBA")
    except Exception as error:  # damaged pictures fail in any of Pillow's decoders' ways
        raise InputError(
            f"{name[:40] if held else name} is not a picture that can be read ({error}); expected "
            "a PNG, JPEG, WebP or another format of Pillow's"
        ) from error
    white = pillow.new("RGBA", layers.size, "white")
    return pillow.alpha_composite(white, layers).convert("RGB")


def picture_key(name: str, role: str | None) -> bytes:
    """Return the key of a picture: of what the file holds, not of its name."""
    digest = hashlib.sha256(f"{role}\0picture\0".encode())
    digest.update(name.encode() if is_data_url(name) else picture_path(name).read_bytes())
    return digest.digest()


def _decoded(url: str) -> bytes:
    return base64.b64decode(url.partition(",")[2], validate=True)

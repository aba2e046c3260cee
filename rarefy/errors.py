"""The errors that rarefy raises on purpose.

    RarefyError
    ├── InputError(ValueError)            a value, a file or a folder that cannot be used
    │   └── DamagedIndexError             an index folder whose bytes are not what was written
    ├── InputTypeError(TypeError)         an object of a type that cannot be used
    ├── MissingExtraError(ImportError)    an optional dependency is not installed
    ├── StoreError(RuntimeError)          a vector store that cannot be reached or that refuses
    ├── TrainingError(RuntimeError)       a training run that cannot come to anything
    └── UnavailableError(RuntimeError)    a part of a distributed index that does not answer
        ├── DeadlineError(TimeoutError)   it did not answer in time
        └── LostChangesError              changes that were not committed are gone

Each message names the value, what was expected and the remedy. The command line prints it on one
line and exits with status 2; anything else that escapes is a defect.
"""

from __future__ import annotations

import importlib
from types import ModuleType

__all__ = [
    "DamagedIndexError",
    "DeadlineError",
    "InputError",
    "InputTypeError",
    "LostChangesError",
    "MissingExtraError",
    "RarefyError",
    "StoreError",
    "TrainingError",
    "UnavailableError",
    "require",
]


class RarefyError(Exception):
    """Base class of every error that rarefy raises on purpose."""


class InputError(RarefyError, ValueError):
    """A value, a file or a folder that cannot be used; the message says why and what would be."""


class DamagedIndexError(InputError):
    """An index folder whose bytes are not what was written."""


class InputTypeError(RarefyError, TypeError):
    """An object of a type that cannot be used; the message says which types can."""


class MissingExtraError(RarefyError, ImportError):
    """An optional dependency is not installed; the message carries the pip command."""


class StoreError(RarefyError, RuntimeError):
    """A vector store that cannot be reached or refuses what it is asked; the message says which."""


class TrainingError(RarefyError, RuntimeError):
    """A training run that cannot come to anything; the message says what to change."""


class UnavailableError(RarefyError, RuntimeError):
    """A part of a distributed index that does not answer, or is gone; the message says which."""


class DeadlineError(UnavailableError, TimeoutError):
    """A part of a distributed index did not answer in time."""


class LostChangesError(UnavailableError):
    """Changes that were not committed are gone, as what held them ended: make them again."""


def require(module: str, extra: str) -> ModuleType:
    """Import an optional dependency.

    Parameters
    ----------
    module
        Dotted name to import, such as ``"faiss"``.
    extra
        The extra of this package that installs it, such as ``"eval"``.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        missing = error.name or module
        raise MissingExtraError(
            f"{module} needs the package {missing!r}, which is not installed: "
            f"pip install 'rarefy[{extra}]'",
            name=missing,
        ) from error

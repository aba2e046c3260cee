"""What is indexed: files of one form, and what tells them from other files."""

from __future__ import annotations

import gzip
import hashlib
import shutil
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from rarefy.errors import InputError
from rarefy.files import replaced
from rarefy.offline.batch import Batch, Slice
from rarefy.offline.forms import lines, parquet, vectors

__all__ = ["Source", "read_slice"]

FORMS: dict[str, ModuleType] = {"lines": lines, "parquet": parquet, "vectors": vectors}
CORPUS = "corpus.jsonl"


@dataclass(frozen=True)
class Source:
    """Files of one form, in the order of their documents.

    Parameters
    ----------
    home
        What the user named.
    form
        "lines", "parquet" or "vectors".
    parts
        The files, or the folders of vectors.
    """

    home: Path
    form: str
    parts: tuple[Path, ...]

    @classmethod
    def at(cls, place: str | Path) -> Source:
        """Find what a path names.

        Parameters
        ----------
        place
            A ``.jsonl`` file, ``.jsonl.gz`` too, or a folder with ``corpus.jsonl``; a ``.parquet``
            file, or a folder of them; a folder that ``rarefy encode`` wrote, or a folder of such.

        Raises
        ------
        InputError
            If it is nothing of these.
        """
        path = Path(place).absolute()
        if path.is_file():
            name = path.name.removesuffix(".gz")
            if name.endswith(".jsonl"):
                return cls(path, "lines", (path,))
            if path.suffix == ".parquet":
                return cls(path, "parquet", (path,))
        for corpus in (path / CORPUS, path / f"{CORPUS}.gz"):
            if corpus.is_file():
                return cls(path, "lines", (corpus,))
        if found := sorted(path.glob("*.parquet")):
            return cls(path, "parquet", tuple(found))
        if found := sorted(each.parent for each in path.glob(f"*/{vectors.MATRIX}")):
            return cls(path, "vectors", tuple(found))
        if (path / vectors.MATRIX).is_file():
            return cls(path, "vectors", (path,))
        raise InputError(
            f"{path} is no source: expected a .jsonl or .parquet file, a folder with {CORPUS}, a "
            f"folder of .parquet files, or one of folders with {vectors.MATRIX} and ids.txt"
        )

    @property
    def files(self) -> list[Path]:
        """All files that it has."""
        parts = [sorted(each.rglob("*")) if each.is_dir() else [each] for each in self.parts]
        return [file for part in parts for file in part if file.is_file()]

    def sums(self) -> dict[str, list[int | str]]:
        """Return the length and the BLAKE2b of each file, by its path in the source."""
        found: dict[str, list[int | str]] = {}
        folder = self.home if self.home.is_dir() else self.home.parent
        for file in self.files:
            with file.open("rb") as stream:
                digest = hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=16))
            name = file.relative_to(folder).as_posix()
            found[name] = [file.stat().st_size, digest.hexdigest()]
        return found

    def moments(self) -> list[tuple[int, int]]:
        """Return the length of each file and when it was written, to be compared later."""
        return [(each.st_size, each.st_mtime_ns) for each in map(Path.stat, self.files)]

    def readable(self, room: Path) -> list[Path]:
        """Return where each of its parts is read, which is in `room` if it must be unpacked."""
        return [
            room / part.name.removesuffix(".gz") if part.suffix == ".gz" else part
            for part in self.parts
        ]

    def slices(self, size: int, room: Path) -> list[Slice]:
        """Cut it.

        Parameters
        ----------
        size
            Documents of a slice, at most. Vectors are not cut further than they are.
        room
            A folder for what must be unpacked.

        Raises
        ------
        InputError
            If a file is damaged, or there are no documents.
        """
        form = FORMS[self.form]
        readable = self.readable(room)
        for part, target in zip(self.parts, readable, strict=True):
            if part != target:
                _unpack(part, target)
        found = [piece for each in readable for piece in form.slices(each, size)]
        if not found:
            raise InputError(f"{self.home} has no documents: expected one at least")
        return found


def read_slice(form: str, piece: Slice, fields: Sequence[str]) -> Batch:
    """Read the documents of a slice.

    Raises
    ------
    InputError
        If it is broken; the message names the file and the line or row.
    """
    batch: Batch = FORMS[form].read(piece, fields)
    return batch


def _unpack(path: Path, target: Path) -> None:
    """Unpack a file, as no part of it can be read by itself."""
    try:
        with gzip.open(path) as packed, replaced(target) as stream:
            shutil.copyfileobj(packed, stream, 1 << 20)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(
            f"{path} is not a whole gzip file ({error}); copy or download it again"
        ) from error

"""Several encoders, one vocabulary: towers for pictures, languages, or whatever has vectors.

Encoders that never saw each other meet in the columns of their heads. A query that one tower
encoded finds documents of another in the same index, and sums of their vectors ask for both
(:mod:`rarefy.sparse.algebra`).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

from scipy import sparse

from rarefy.errors import InputError
from rarefy.files import output_folder, replaced
from rarefy.sparse.model import Role, TermModel
from rarefy.sparse.sparse_model import SparseModel
from rarefy.sparse.texts import Advance
from rarefy.sparse.vocabulary import Vocabulary

if TYPE_CHECKING:
    from rarefy.sparse.encoders.dense import Precision

__all__ = ["Towers"]

_RECORD = "towers.json"
_NAME = re.compile(r"\w[\w-]*")


class Towers(TermModel):
    """A model of several models whose columns mean the same.

    Parameters
    ----------
    towers
        One model each by name, such as ``{"en": ..., "image": ...}``. Each has an encoder and a
        head of its own, biases included; heads may share rows.
    query, document
        Which tower encodes queries, and which documents.
    name
        What the model is called in tables.

    Raises
    ------
    InputError
        If there is no tower of such a name, a name is none of a folder, or vocabularies differ.
    """

    def __init__(
        self,
        towers: Mapping[str, SparseModel],
        *,
        query: str,
        document: str,
        name: str = "towers",
    ) -> None:
        for asked in (query, document):
            if asked not in towers:
                raise InputError(
                    f"there is no tower {asked!r}; expected one of {', '.join(towers) or 'none'}"
                )
        first = towers[query].vocabulary
        for key, tower in towers.items():
            if not _NAME.fullmatch(key):
                raise InputError(f"a tower is named {key!r}; expected letters, digits, - and _")
            if tower.vocabulary != first:
                raise InputError(
                    f"the towers {query!r} and {key!r} have other vocabularies, of {len(first)} "
                    f"and {tower.vocabulary_size} terms; expected the same terms in each"
                )
        self.towers: Mapping[str, SparseModel] = MappingProxyType(dict(towers))
        self.roles: Mapping[Role, str] = MappingProxyType({"query": query, "document": document})
        self.name = name

    @staticmethod
    def is_saved_at(folder: Path) -> bool:
        """Whether :meth:`save` wrote the folder."""
        return (folder / _RECORD).is_file()

    @classmethod
    def load(
        cls,
        folder: str | Path,
        *,
        device: str = "auto",
        cache: bool | str | Path = True,
        dtype: Precision = "auto",
    ) -> Self:
        """Read what :meth:`save` wrote; see :func:`rarefy.load`.

        Raises
        ------
        InputError
            If it is damaged.
        """
        path = Path(folder, _RECORD)
        try:
            record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            names, roles = list(map(str, record["towers"])), {**record["roles"]}
            query, document = str(roles["query"]), str(roles["document"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{path} does not describe towers ({error!r}); expected what Towers.save writes"
            ) from error
        towers = {
            name: SparseModel.load(Path(folder, name), device=device, cache=cache, dtype=dtype)
            for name in names
        }
        return cls(towers, query=query, document=document, name=Path(folder).name)

    def __getitem__(self, name: str) -> SparseModel:
        """Return a tower.

        Raises
        ------
        InputError
            If there is none of that name.
        """
        if name not in self.towers:
            raise InputError(
                f"there is no tower {name!r}; expected one of {', '.join(self.towers)}"
            )
        return self.towers[name]

    def between(self, query: str, document: str) -> Towers:
        """Return the same towers, of which others encode queries and documents."""
        return Towers(self.towers, query=query, document=document, name=self.name)

    @property
    def vocabulary(self) -> Vocabulary:
        """The terms of the columns, the same for all towers."""
        return self.towers[self.roles["query"]].vocabulary

    @property
    def fingerprint(self) -> str:
        """Hexadecimal digest that changes when the vector of some document would.

        Queries do not count, for any tower may ask what another has indexed.
        """
        own = self.towers[self.roles["document"]].fingerprint
        return hashlib.sha256(f"towers {own}".encode()).hexdigest()

    @property
    def computed(self) -> int:
        """Items encoded so far, by all towers, without those whose vectors a cache held."""
        return sum(tower.computed for tower in self.towers.values())

    @property
    def pictured(self) -> frozenset[Role]:
        """The roles whose items are names of pictures."""
        return frozenset(
            role for role, name in self.roles.items() if role in self.towers[name].pictured
        )

    def fit(self, texts: Iterable[str], *, progress: bool = False) -> Self:
        """Refuse: towers are fitted one by one.

        Raises
        ------
        InputError
            Always.
        """
        raise InputError(f"{self.name} has several towers: fit one, as in model[name].fit(texts)")

    def save(self, folder: str | Path) -> None:
        """Write the model: a folder each tower, as :meth:`SparseModel.save` writes it."""
        place = output_folder(folder)
        for name, tower in self.towers.items():
            tower.save(place / name)
        record = {"towers": list(self.towers), "roles": dict(self.roles)}
        with replaced(place / _RECORD) as stream:
            stream.write(json.dumps(record, indent=1).encode())

    def _encode(
        self, texts: list[str], role: Role, batch_size: int | None, advance: Advance
    ) -> sparse.csr_array:
        encoder = self.towers[self.roles[role]].encoder
        return encoder.encode_distinct(texts, role, batch_size, advance)

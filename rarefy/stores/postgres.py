"""PostgreSQL with pgvector: one row a document, its vector a ``sparsevec``.

Without an index search reads every row and is exact. With ``index="hnsw"`` it follows pgvector's
graph: approximate, and only for vectors of at most 1,000 non-zeros.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rarefy.errors import InputError, require
from rarefy.index import Documents
from rarefy.index.arguments import check_count
from rarefy.index.vectors import canonical
from rarefy.stores.conditions import translated
from rarefy.stores.rows import from_pairs
from rarefy.stores.secrets import parted
from rarefy.stores.store import CONNECTING, Found, Schema, asking

__all__ = ["Postgres"]

MOST_COLUMNS, MOST_NONZEROS, MOST_NONZEROS_HNSW = 1_000_000_000, 16_000, 1_000
"""pgvector's limits of a sparsevec, and of one in an HNSW index."""
LONGEST_NAME = 63
"""Bytes of the name of a column, a table or an index; PostgreSQL cuts off what is beyond."""
SUFFIX = "_hnsw"
LARGEST_EF = 1000
TYPES = {
    "bool": "boolean",
    "int": "bigint",
    "float": "double precision",
    "str": 'text COLLATE "C"',
    "datetime": "timestamptz",
    "list of str": "text[]",
}
OWN = ("id", "vector")


class Postgres:
    """A table of a PostgreSQL server that has pgvector 0.8 or newer.

    The table has the columns ``id`` and ``vector`` and one for each field.

    Parameters
    ----------
    address
        What libpq takes: ``"postgresql://user:password@host/database"``.
    table
        Its name.
    index
        None for exact search, or ``"hnsw"``, which `create` makes.
    ef_search
        How many candidates HNSW keeps, 1 to 1000: more find more, and take longer.
    timeout
        Seconds that a statement may take, but one that builds a graph over documents that are
        there already.
    """

    def __init__(
        self,
        address: str,
        table: str,
        *,
        index: str | None = None,
        ef_search: int = 100,
        timeout: float = 30.0,
    ) -> None:
        self._psycopg = require("psycopg", "postgres")
        self._sql = require("psycopg.sql", "postgres")
        self.where = f"postgres table {table}"
        if index not in (None, "hnsw"):
            raise InputError(f"{self.where}: index is {index!r}; expected None or 'hnsw'")
        if not 1 <= ef_search <= LARGEST_EF:
            raise InputError(f"{self.where}: ef_search is {ef_search}; expected 1 to {LARGEST_EF}")
        longest = LONGEST_NAME - len(SUFFIX) * (index is not None)
        if not 0 < len(table.encode()) <= longest or "%" in table:
            raise InputError(
                f"{self.where}: the name of a table has 1 to {longest} bytes, no % among them: "
                f"name another"
            )
        self._name = table
        self._table, self._hnsw, self._ef = self._sql.Identifier(table), index == "hnsw", ef_search
        self._known: Schema | None = None
        address, user, password = parted(address)  # libpq quotes what it cannot read
        login = {"user": user, "password": password}
        with self._asking():
            self._connection = self._psycopg.connect(
                address,
                **{name: value for name, value in login.items() if value},
                autocommit=True,
                connect_timeout=int(CONNECTING),
                options=f"-c timezone=UTC -c statement_timeout={int(timeout * 1000)}",
            )

    def create(self, schema: Schema) -> None:
        """Make the table; see `VectorStore.create`."""
        if self._description() is not None:
            schema.check_same(self.schema(), self.where)
        else:
            self._make(schema)
        if self._hnsw:
            with self._asking(), self._connection.transaction():
                self._connection.execute("SET LOCAL statement_timeout = 0")
                self._connection.execute("SET LOCAL maintenance_work_mem = '256MB'")
                self._execute(
                    "CREATE INDEX IF NOT EXISTS {} ON {} USING hnsw (vector sparsevec_ip_ops)",
                    self._sql.Identifier(self._name + SUFFIX),
                    self._table,
                )

    def _make(self, schema: Schema) -> None:
        for name in schema.fields:
            if name in OWN or len(name.encode()) > LONGEST_NAME:
                raise InputError(
                    f"{self.where}: a field is named {name!r}; a column's name has at most "
                    f"{LONGEST_NAME} bytes and is none of {', '.join(OWN)}: rename it"
                )
        if schema.vocabulary_size > MOST_COLUMNS:
            raise InputError(
                f"{self.where}: vectors have {schema.vocabulary_size} columns; pgvector takes "
                f"{MOST_COLUMNS}: use another store"
            )
        columns = [
            self._sql.SQL("{} {}").format(self._sql.Identifier(name), self._sql.SQL(TYPES[kind]))
            for name, kind in schema.fields.items()
        ]
        first = self._sql.SQL('id text COLLATE "C" PRIMARY KEY')
        vector = self._sql.SQL(f"vector sparsevec({schema.vocabulary_size}) NOT NULL")
        with self._asking(), self._connection.transaction():
            self._connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
            self._execute(
                "CREATE TABLE {} ({})",
                self._table,
                self._sql.SQL(", ").join([first, vector, *columns]),
            )
            self._execute(
                "COMMENT ON TABLE {} IS {}", self._table, self._sql.Literal(schema.to_json())
            )

    def schema(self) -> Schema:
        """Return what the table was made with."""
        if self._known is None:
            found = self._description()
            if found is None:
                raise InputError(f"{self.where}: there is no such table; make it by create")
            self._known = Schema.from_json(found, self.where)
        return self._known

    def _description(self) -> str | None:
        """Return the table's comment, empty if it has none; None if there is no table."""
        with self._asking():
            (there, said) = self._connection.execute(
                "SELECT to_regclass(%s), obj_description(to_regclass(%s), 'pg_class')",
                [self._table.as_string(None)] * 2,
            ).fetchone()
        return None if there is None else said or ""

    def upsert(self, documents: Documents) -> None:
        """Add or replace documents; see `VectorStore.upsert`."""
        schema = self.schema()
        vectors = canonical(documents.vectors, width=schema.vocabulary_size)
        rows = []
        for i, (name, values) in enumerate(zip(documents.ids, documents.metadata, strict=True)):
            row: list[Any] = [name, self._vector(*vectors.row(i), f"the document {name[:80]!r}")]
            row += [values.get(of) for of in schema.fields]
            texts = [
                text for value in row for text in (value if isinstance(value, list) else [value])
            ]
            if any("\0" in str(text) for text in texts):
                raise InputError(
                    f"{self.where}: the document {name[:80]!r} has the character 0 in a text, "
                    f"which PostgreSQL cannot hold: leave it out"
                )
            rows.append(row)
        names = [*map(self._sql.Identifier, (*OWN, *schema.fields))]
        updates = [self._sql.SQL("{0} = EXCLUDED.{0}").format(name) for name in names[1:]]
        statement = self._sql.SQL(
            "INSERT INTO {} ({}) VALUES ({}) ON CONFLICT (id) DO UPDATE SET {}"
        ).format(
            self._table,
            self._sql.SQL(", ").join(names),
            self._sql.SQL(", ").join([self._sql.Placeholder()] * len(names)),
            self._sql.SQL(", ").join(updates),
        )
        with self._asking(), self._connection.transaction(), self._connection.cursor() as cursor:
            cursor.executemany(statement, rows)

    def delete(self, ids: Sequence[str]) -> None:
        """Delete documents; see `VectorStore.delete`."""
        with self._asking():
            statement = self._sql.SQL("DELETE FROM {} WHERE id = ANY(%s)").format(self._table)
            self._connection.execute(statement, [list(ids)])

    def search(self, queries: Any, k: int = 10, *, filter: Any = None) -> Found:
        """Return the best documents; see `VectorStore.search`."""
        check_count("k", k)
        schema = self.schema()
        condition = self._sql.SQL("true")
        if filter is not None:
            condition = translated(filter, schema.fields, _Language(self._sql))
        statement = self._sql.SQL(
            "SELECT id, -(vector <#> {query}) FROM {table} WHERE {condition} "
            "ORDER BY vector <#> {query} LIMIT {k}"
        )
        vectors = canonical(queries, width=schema.vocabulary_size, what="query vectors")
        answers = []
        with self._asking(), self._connection.transaction():
            if self._hnsw:
                self._connection.execute(f"SET LOCAL hnsw.ef_search = {self._ef}")
                self._connection.execute("SET LOCAL hnsw.iterative_scan = strict_order")
                self._connection.execute("SET LOCAL enable_seqscan = off")
            else:
                self._connection.execute("SET LOCAL enable_indexscan = off")
            for i in range(len(vectors)):
                query = self._vector(*vectors.row(i), f"query {i}")
                asked = statement.format(
                    query=self._sql.SQL("{}::sparsevec").format(self._sql.Literal(query)),
                    table=self._table,
                    condition=condition,
                    k=self._sql.Literal(k),
                )
                answers.append(self._connection.execute(asked).fetchall())
        return Found.of(answers, k)

    def count(self) -> int:
        """Return how many documents there are."""
        with self._asking():
            (count,) = self._execute("SELECT count(*) FROM {}", self._table).fetchone()
        return int(count)

    def documents(self, size: int = 1000) -> Iterator[Documents]:
        """Read all documents by id; see `VectorStore.documents`."""
        schema = self.schema()
        names = self._sql.SQL(", ").join(map(self._sql.Identifier, schema.fields))
        rest = self._sql.SQL(", {}").format(names) if schema.fields else self._sql.SQL("")
        statement = self._sql.SQL("SELECT id, vector::text{} FROM {} ORDER BY id")
        with (
            self._asking(),
            self._connection.transaction(),
            self._connection.cursor("documents") as cursor,
        ):
            cursor.execute(statement.format(rest, self._table))
            while rows := cursor.fetchmany(size):
                yield Documents(
                    [row[0] for row in rows],
                    _matrix([row[1] for row in rows], schema.vocabulary_size),
                    [dict(zip(schema.fields, row[2:], strict=True)) for row in rows],
                )

    def drop(self) -> None:
        """Delete the table."""
        self._known = None
        with self._asking():
            self._execute("DROP TABLE IF EXISTS {}", self._table)

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

    def _vector(
        self, columns: npt.NDArray[np.uint32], weights: npt.NDArray[np.float32], what: str
    ) -> str:
        """Return a vector as pgvector writes it, with columns from 1."""
        most = MOST_NONZEROS_HNSW if self._hnsw else MOST_NONZEROS
        if len(columns) > most:
            raise InputError(
                f"{self.where}: {what} has {len(columns)} non-zeros; pgvector takes {most}"
                f"{' in an HNSW index' if self._hnsw else ''}: keep the heaviest terms"
            )
        entries = zip(columns.tolist(), weights.tolist(), strict=True)
        said = ",".join(f"{column + 1}:{weight!r}" for column, weight in entries)
        return f"{{{said}}}/{self.schema().vocabulary_size}"

    def _execute(self, statement: str, *parts: Any) -> Any:
        return self._connection.execute(self._sql.SQL(statement).format(*parts))

    def _asking(self) -> Any:
        return asking(self.where, self._psycopg.Error)


def _matrix(texts: Sequence[str], width: int) -> Any:
    """Return vectors that pgvector wrote as CSR float32."""
    rows = []
    for text in texts:
        inside = text[1 : text.index("}")]
        pairs = [entry.split(":") for entry in inside.split(",")] if inside else []
        rows.append(([int(column) - 1 for column, _ in pairs], [float(w) for _, w in pairs]))
    return from_pairs(rows, width)


class _Language:
    """PostgreSQL's conditions, values quoted by psycopg."""

    def __init__(self, sql: Any) -> None:
        self.sql = sql

    def compared(self, name: str, kind: str, operator: str, value: Any) -> Any:
        said = {"==": "=", "!=": "<>"}.get(operator, operator)
        return self._format(f"{{}} {said} {{}}", name, value)

    def among(self, name: str, kind: str, values: Sequence[Any], negative: bool) -> Any:
        if not values:
            return self.missing(name, True) if negative else self.sql.SQL("false")
        word, operator = ("and", "!=") if negative else ("or", "==")
        return self.joined(word, [self.compared(name, kind, operator, value) for value in values])

    def holding(self, name: str, value: str, negative: bool) -> Any:
        return self._format(f"{'NOT ' * negative}{{1}} = ANY({{0}})", name, value)

    def missing(self, name: str, negative: bool) -> Any:
        return self._format(f"{{}} IS {'NOT ' * negative}NULL", name)

    def joined(self, word: str, terms: Sequence[Any]) -> Any:
        return self.sql.SQL("({})").format(self.sql.SQL(f" {word.upper()} ").join(terms))

    def _format(self, text: str, name: str, *values: Any) -> Any:
        named = self.sql.Identifier(name)
        return self.sql.SQL(text).format(named, *map(self.sql.Literal, values))

"""Moves values from `_extra` into the columns that this version has for them, as a new read would.

It also completes the `_extra` of one observation by that of another one of the same row.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

import duckdb
import msgspec
import polars as pl

from resources.settings import PersonalData
from resources.warehouse.origin import read_staged_origin
from resources.warehouse.row_numbers import renumber_rows
from resources.warehouse.schema import EMPTY_CONTAINER, ColumnSchema, FieldPath, TableSchema
from resources.warehouse.sql import execute_with, quoted_name
from resources.warehouse.suppression import CONTACTS, keyed_hash
from resources.warehouse.text_parts import read_texts

EXTRA = "_extra"
"""The column of the fields without a column of their own."""

Fields: TypeAlias = "dict[str, msgspec.Raw | Fields]"
"""A JSON object: the tokens of its values, and the objects in it that hold places of columns, by name."""

Groups: TypeAlias = "dict[str, Groups]"
"""The names of the objects that hold places of columns."""

TokenReader: TypeAlias = Callable[[pl.Series], tuple[pl.Series, pl.Series]]
"""Reads JSON tokens: returns their values, and which tokens may move, as a new read would give the same value."""


def find_in_extra(connection: duckdb.DuckDBPyConnection, table: TableSchema, columns: Sequence[ColumnSchema]) -> bool:
    """Make the table `moved` of what `_extra` has for new columns; returns False if no row has any.

    It has the number of the `row`, the columns, and what is left of `_extra`, which is null if nothing is.
    """
    readers = _choose_readers(connection, columns)
    name = quoted_name(table.name)
    renumber_rows(connection, name)
    types = [f"{quoted_name(column.name)} {column.sql_type}" for column in columns]
    connection.execute(f"CREATE OR REPLACE TEMP TABLE moved (row BIGINT, {', '.join([*types, '_extra VARCHAR'])})")
    has_any = False
    for rows in read_texts(connection, name, "rowid", ["_extra"]):
        moving = rows.select("row").hstack(_read(rows["_extra"], columns, readers))
        execute_with(connection, "INSERT INTO moved FROM given", moving)
        has_any = True
    return has_any


def complete_extra(table: TableSchema, extra: pl.Series, other: pl.Series) -> pl.Series:
    """Return `_extra` with what it lacks of that of other observations, if both have one and they differ."""
    groups: Groups = {path[0]: {} for column in table.columns for path in column.paths if len(path) > 1}
    both = [
        _join(_complete(_split(one.encode(), groups), _split(another.encode(), groups)))
        if one is not None and another is not None and one != another
        else None
        for one, another in zip(extra, other, strict=True)
    ]
    return pl.Series(both, dtype=pl.Binary).cast(pl.String)


def _complete(fields: Fields, other: Fields) -> Fields:
    """Return the fields of an object, and those of another one that it has not, or as null."""
    both = dict(other)
    for name, value in fields.items():
        known = other.get(name)
        if isinstance(value, dict):
            both[name] = _complete(value, known) if isinstance(known, dict) else value
        elif known is None or bytes(value) != b"null":
            both[name] = value
    return both


def _read(extra: pl.Series, columns: Sequence[ColumnSchema], readers: Mapping[str, TokenReader]) -> pl.DataFrame:
    """Return the values of columns in a column `_extra`, and `_extra` without them."""
    groups: Groups = {}
    for path in (path for column in columns for path in column.paths):
        here = groups
        for name in path[:-1]:
            here = here.setdefault(name, {})
    records = [_split(text.encode(), groups) for text in extra]
    outer = {path[:-1] for column in columns for path in column.paths}
    objects = {path: [_object_at(record, path) for record in records] for path in outer}
    values = [_move(records, objects, column, readers[column.name]) for column in columns]
    left = [_join(record) for record in records]
    return pl.DataFrame([*values, pl.Series("_extra", left, dtype=pl.Binary).cast(pl.String)])


def _move(
    records: Sequence[Fields], objects: Mapping[FieldPath, Sequence[Fields]], column: ColumnSchema, read: TokenReader
) -> pl.Series:
    """Take the values of a column out of the records; each is that of its first place that has one of a fitting type.

    `objects` are the objects of each record in which the places are.
    """
    written = [_tokens([fields.get(path[-1]) for fields in objects[path[:-1]]]) for path in column.paths]
    empty = [tokens.str.contains(EMPTY_CONTAINER).fill_null(value=False) for tokens in written]
    places = [_keep_where(tokens, ~is_empty) for tokens, is_empty in zip(written, empty, strict=True)]
    fitting = places if len(places) == 1 else _leave_out_unfit(places, read)
    chosen = pl.select(pl.coalesce(fitting)).to_series()
    values, may_move = read(chosen)
    may_move &= chosen.is_not_null() | pl.select(pl.coalesce(places)).to_series().is_null()
    is_taken = may_move & False
    for path, tokens, fits, is_empty in zip(column.paths, places, fitting, empty, strict=True):
        passed_over = tokens.is_not_null() & (is_taken | fits.is_null())
        is_taken |= fits.is_not_null()
        for fields, is_moved in zip(objects[path[:-1]], may_move & ~is_empty, strict=True):
            if is_moved:
                fields.pop(path[-1], None)
        for row in (passed_over & may_move).arg_true():  # under the name that reading a record gives it
            records[row][".".join(path)] = msgspec.Raw(tokens[row].encode())
    return _keep_where(values, may_move).alias(column.name)


def _keep_where(values: pl.Series, condition: pl.Series) -> pl.Series:
    """Return the values, null where the condition does not hold."""
    return pl.select(pl.when(condition).then(values)).to_series()


def _leave_out_unfit(places: Sequence[pl.Series], read: TokenReader) -> Sequence[pl.Series]:
    """Return the tokens of the places without those for which another place counts.

    These are of a type that the column cannot take, or empty beside one that is not.
    """
    fitting, empty = [], []
    for tokens in places:
        values, can_be_read = read(tokens)
        fitting.append(_keep_where(tokens, can_be_read | tokens.str.contains('^["0-9-]')))
        empty.append(can_be_read & values.is_null())
    return leave_out_hiding(fitting, empty)


def leave_out_hiding(places: Sequence[pl.Series], empty: Iterable[pl.Series]) -> Sequence[pl.Series]:
    """Return what each place of a column has, null where it is `empty` and another place has something."""
    if len(places) == 1:
        return places
    filled = [_keep_where(values, ~is_empty) for values, is_empty in zip(places, empty, strict=True)]
    is_filled = pl.select(pl.coalesce(filled)).to_series().is_not_null()
    return [own.zip_with(is_filled, values) for own, values in zip(filled, places, strict=True)]


def _tokens(fields: Sequence["msgspec.Raw | Fields | None"]) -> pl.Series:
    """Return JSON tokens as texts; null for the token null, too."""
    tokens = [bytes(token) if isinstance(token, msgspec.Raw) else None for token in fields]
    texts = pl.Series(tokens, dtype=pl.Binary).cast(pl.String)
    return pl.select(pl.when(texts != "null").then(texts)).to_series()


def _object_at(record: Fields, path: FieldPath) -> Fields:
    """Return the object at a place of a record; an empty one if there is none."""
    for name in path:
        deeper = record.get(name)
        if not isinstance(deeper, dict):
            return {}
        record = deeper
    return record


def _split(text: bytes, groups: Groups) -> Fields:
    fields: Fields = dict(msgspec.json.decode(text, type=dict[str, msgspec.Raw]))
    for name, inner in groups.items():
        token = fields.get(name)
        if isinstance(token, msgspec.Raw) and bytes(token)[:1] == b"{":
            fields[name] = _split(bytes(token), inner)
    return fields


def _join(fields: Fields) -> bytes | None:
    """Return the JSON text of an object; None if nothing is left in it."""
    members = [(name, _join(token) if isinstance(token, dict) else bytes(token)) for name, token in fields.items()]
    texts = [msgspec.json.encode(name) + b":" + token for name, token in members if token is not None]
    return b"{" + b",".join(texts) + b"}" if texts else None


def _choose_readers(connection: duckdb.DuckDBPyConnection, columns: Sequence[ColumnSchema]) -> dict[str, TokenReader]:
    """Return how each column is read, as the policy under which the rows were written allows it."""
    origin = read_staged_origin(connection)
    policy = origin.personal_data if origin else ""
    if not policy:
        return {column.name: column.read_tokens for column in columns if column.read_tokens}
    if " dropped" in policy:
        return {column.name: _read_dropped if column.personal else _read_nothing for column in columns}
    settings = PersonalData.read()
    key = settings.secret if settings.label == policy else None
    return {column.name: _read_hashed(column, key) for column in columns}


def _read_nothing(tokens: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Move nothing: null stands for values of any kind."""
    return tokens.clear(len(tokens)), tokens.is_null() & False


def _read_dropped(tokens: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Read a personal column where all its values were dropped."""
    return tokens.clear(len(tokens)), tokens.is_null()


def _read_hashed(column: ColumnSchema, key: bytes | None) -> TokenReader:
    """Return how a column is read where texts are hashed: only hashes of personal texts are those of a new read.

    In `_extra` a contact has another hash, and so has a text or flag that a column does not keep.
    """
    is_text = column.personal and column.sql_type == "VARCHAR" and column.name not in CONTACTS
    if not (is_text and key):
        return lambda tokens: (tokens.clear(len(tokens)), tokens.is_null())

    def read(tokens: pl.Series) -> tuple[pl.Series, pl.Series]:
        is_hash = tokens.str.starts_with('"').fill_null(value=False)
        texts = pl.select(pl.when(is_hash).then(tokens.str.strip_chars('"'))).to_series()
        # an empty text is not hashed, but was in former versions
        is_empty = texts.is_in([*column.empty, *(keyed_hash(key, text) for text in column.empty)])
        is_flag = texts.is_in([keyed_hash(key, str(flag)) for flag in (True, False)]).fill_null(value=False)
        return pl.select(pl.when(~is_empty).then(texts)).to_series(), tokens.is_null() | (is_hash & ~is_flag)

    return read

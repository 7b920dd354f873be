"""Parses the JSON of any page into columns of texts: the slow way, which keeps every field as it was sent.

Each declared value is read as the JSON token that the API sent; undeclared fields, and empty objects or lists in the
place of a value, go verbatim into `_extra`. Pages of a simpler form, which nearly all have, are parsed by
`uniform_json.py` and `fast_json.py` beside this module, ten and five times as fast.
"""

from collections.abc import Collection, Sequence
from functools import cache, reduce
from operator import or_
from typing import Any, NamedTuple, TypeAlias

import msgspec
import polars as pl

from assets.tables.table import Column, Table
from resources.coupontools.lone_surrogates import replace_lone_surrogates
from resources.coupontools.nesting import MAX_DEPTH, is_deep
from resources.coupontools.repeated_keys import free_name, rename_repeated_names
from resources.warehouse.extra_fields import leave_out_hiding
from resources.warehouse.schema import EMPTY_CONTAINER

Path: TypeAlias = tuple[str, ...]
Fields: TypeAlias = dict[str, "Fields | None"]
"""The declared fields of a record by name: None for a value, nested fields for an object."""


class Texts(NamedTuple):
    """The records of a page as texts, in their order."""

    columns: pl.DataFrame
    """One String column for each column of the table whose value is in the record."""
    extra: pl.Series
    """The column `_extra`."""
    unfit: pl.Series
    """True where a value is of a JSON type that its column cannot take, or where the record cannot be read."""
    new_fields: frozenset[str]
    """The names of the undeclared fields, dotted."""


def parse_any_page(records: bytes, table: type[Table]) -> Texts:
    """Read a JSON array of records of any form. Raises msgspec.DecodeError if it is no JSON array."""
    objects, readable = _parse_objects(records)
    collected = _Collected({}, [], set())
    extras = _collect_tokens(objects, fields_of(table), (), collected)
    literal = {name for name, _ in extras if name}
    columns, unfit = [], reduce(or_, collected.no_objects, ~pl.Series(readable, dtype=pl.Boolean))
    for column in record_columns(table):
        written, wrong = zip(*(column.type.texts_of(collected.tokens[path]) for path in column.paths), strict=True)
        texts = leave_out_hiding(written, (text.is_in(column.type.empty) for text in written))
        taken = _coalesce(texts, column.name)
        for is_wrong in wrong:  # a value of another type counts only where no other place has a good one
            unfit = unfit | (is_wrong & taken.is_null()) if is_wrong.any() else unfit
        columns.append(taken)
        extras += _collect_unused(column, collected.tokens, texts, literal)
    return Texts(pl.DataFrame(columns), join_extras(extras, len(objects)), unfit, frozenset(collected.new_fields))


class _Collected(NamedTuple):
    """What `_collect_tokens` collects."""

    tokens: dict[Path, pl.Series]
    """The JSON tokens of each declared field, by its path."""
    no_objects: list[pl.Series]
    """Where another value is in the place of an object of declared fields."""
    new_fields: set[str]
    """The names of the undeclared fields, dotted."""


def split_records(records: bytes) -> list[bytes]:
    """Split a JSON array into its records, each as the API sent it."""
    try:
        return [bytes(record) for record in msgspec.json.decode(records, type=list[msgspec.Raw])]
    except (msgspec.DecodeError, RecursionError):
        parts, position, readable = [], 0, replace_lone_surrogates(records)
        for record in msgspec.json.decode(readable, type=list[msgspec.Raw]):
            position = readable.index(bytes(record), position)
            parts.append(records[position : position + len(bytes(record))])
            position += len(parts[-1])
        return parts


# numbers with a point or an exponent stay texts, as on the page and in the columns
_DECODER = msgspec.json.Decoder(float_hook=str)


class IllegibleError(Exception):
    """A record cannot be read; the text says why."""


def decode_record(record: bytes) -> Any:  # noqa: ANN401  (a JSON value of any type)
    """Decode a record. Raises IllegibleError."""
    try:
        value = _DECODER.decode(record)
    except RecursionError:
        raise IllegibleError(_TOO_DEEP) from None
    except msgspec.ValidationError:
        raise IllegibleError("the record holds a whole number of thousands of digits") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise IllegibleError(
            "the record holds a text that is not Unicode (a broken byte or half a surrogate pair)"
        ) from None
    if is_deep(value):
        raise IllegibleError(_TOO_DEEP)
    return value


_TOO_DEEP = f"the record holds more than {MAX_DEPTH} objects or lists inside each other"


def _parse_objects(records: bytes) -> tuple[list[dict[str, msgspec.Raw]], list[bool]]:
    """Return the records as fields and tokens, and whether each could be read; one that could not has no fields."""
    try:
        apart = rename_repeated_names(records, decode_record(records))
        objects = msgspec.json.decode(apart, type=list[dict[str, msgspec.Raw]])
        return objects, [True] * len(objects)
    except (IllegibleError, msgspec.ValidationError):
        singly = [_parse_object(record) for record in split_records(records)]
        return [fields or {} for fields in singly], [fields is not None for fields in singly]


def _parse_object(record: bytes) -> dict[str, msgspec.Raw] | None:
    try:
        return split_fields(record)
    except (IllegibleError, msgspec.ValidationError):
        return None


def split_fields(record: bytes) -> dict[str, msgspec.Raw]:
    """Return the fields of a record. Raises IllegibleError, and msgspec.ValidationError if it is no object."""
    return msgspec.json.decode(rename_repeated_names(record, decode_record(record)), type=dict[str, msgspec.Raw])


Extras: TypeAlias = list[tuple[str | None, pl.Series]]
"""Undeclared fields: name and JSON tokens, null where a record does not have it; or None and complete members."""

MAX_UNDECLARED = 100
"""With more undeclared fields than this in one object, or in a table, field names are taken to hold data."""


def _collect_tokens(
    objects: Sequence[dict[str, msgspec.Raw]], declared: Fields, above: Path, collected: _Collected
) -> Extras:
    """Put the token column of each declared value into `collected`, and return the undeclared fields."""
    extras: Extras = []
    for field, nested in declared.items():
        column = _token_column(objects, field)
        if nested is None:
            is_empty = column.str.contains(EMPTY_CONTAINER)
            collected.tokens[*above, field] = column
            if is_empty.any():
                collected.tokens[*above, field] = pl.select(pl.when(~is_empty).then(column).alias(field)).to_series()
                extras.append((field, pl.select(pl.when(is_empty).then(column)).to_series()))
            continue
        is_object = column.str.starts_with("{").fill_null(value=False)
        inner = pl.select(pl.when(is_object).then(column).otherwise(pl.lit("{}"))).to_series()
        deeper = msgspec.json.decode(f"[{','.join(inner)}]", type=list[dict[str, msgspec.Raw]])
        undeclared = join_extras(_collect_tokens(deeper, nested, (*above, field), collected), len(objects))
        other = pl.select(pl.when(~is_object & (column != "null")).then(column)).to_series()
        is_blank = other.is_in(['""', "false"]) | other.str.contains(EMPTY_CONTAINER)
        collected.no_objects.append((~is_blank).fill_null(value=False))
        collected.new_fields.update([".".join((*above, field))] if other.null_count() < len(objects) else [])
        extras.append((field, _coalesce([undeclared, other], field)))
    names = sorted(set().union(*objects) - declared.keys())
    if len(names) > MAX_UNDECLARED:  # a column for each would have more cells than the page has bytes
        collected.new_fields.add(".".join((*above, f"* (more than {MAX_UNDECLARED} names)")))
        return [*extras, (None, _join_members(objects, declared))]
    collected.new_fields.update(".".join((*above, name)) for name in names)
    return extras + [(name, _token_column(objects, name)) for name in names]


def _join_members(objects: Sequence[dict[str, msgspec.Raw]], declared: Fields) -> pl.Series:
    """Return the undeclared fields of each record as the members of one JSON object, in the order of their names."""
    undeclared = [{name: object_[name] for name in sorted(object_.keys() - declared.keys())} for object_ in objects]
    members = [msgspec.json.encode(fields)[1:-1] if fields else None for fields in undeclared]
    return pl.Series(members, dtype=pl.Binary).cast(pl.String)


def _token_column(objects: Sequence[dict[str, msgspec.Raw]], field: str) -> pl.Series:
    values = [object_.get(field) for object_ in objects]
    tokens = [None if value is None else bytes(value) for value in values]
    return pl.Series(field, tokens, dtype=pl.Binary).cast(pl.String)


def _collect_unused(
    column: Column, tokens: dict[Path, pl.Series], texts: Sequence[pl.Series], literal: Collection[str]
) -> Extras:
    """Return as extras the values in a column's fields that the column does not take: it takes one field's value.

    Their names are dotted; a record may have a field with such a name, which is among the `literal` ones.
    """
    if len(column.paths) == 1:
        return []
    extras: Extras = []
    before = texts[0].is_not_null() & False
    for path, text in zip(column.paths, texts, strict=True):
        is_taken = ~before & text.is_not_null()
        before = before | is_taken
        left = (tokens[path] != "null") & ~is_taken
        name = ".".join(path)
        if len(path) > 1 and name in literal:
            name = free_name("repeated", name, literal)
        extras.append((name, pl.select(pl.when(left).then(tokens[path])).to_series()))
    return extras


def join_extras(extras: Extras, records: int) -> pl.Series:
    """Join the undeclared fields of each record into one JSON object; null for a record without any."""
    present = [(name, tokens) for name, tokens in extras if tokens.null_count() < records]
    if not present:
        return pl.Series([None], dtype=pl.String).new_from_index(0, records)
    members = [
        tokens if name is None else pl.lit(msgspec.json.encode(name).decode() + ":") + tokens
        for name, tokens in present
    ]
    inside = pl.concat_str(members, separator=",", ignore_nulls=True)
    return pl.select(pl.when(inside != "").then("{" + inside + "}")).to_series()


def _coalesce(series: Sequence[pl.Series], name: str) -> pl.Series:
    return series[0].alias(name) if len(series) == 1 else pl.select(pl.coalesce(series).alias(name)).to_series()


def record_columns(table: type[Table]) -> list[Column]:
    """Return the columns whose values are in a record."""
    return [column for column in table.columns() if column.paths]


@cache
def fields_of(table: type[Table]) -> Fields:
    """Return the tree of the fields that a table declares in a record."""
    root: Fields = {}
    for column in record_columns(table):
        for path in column.paths:
            here = root
            for name in path[:-1]:
                deeper = here.setdefault(name, {})
                if deeper is None:
                    raise TypeError(f"{table.__name__} declares {name} both as a value and as an object")
                here = deeper
            here[path[-1]] = None
    return root

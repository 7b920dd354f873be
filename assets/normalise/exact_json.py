"""Parses the JSON of any page into columns of texts: the slow way, which keeps every field as it was sent.

Each declared value is read as the JSON token that the API sent; undeclared fields, and empty objects or lists in the
place of a value, go verbatim into `_extra`. Pages of a simpler form, which nearly all have, are parsed by
`uniform_json.py` and `plain_json.py` beside this module, ten and five times as fast.
"""

from collections.abc import Collection, Sequence
from functools import reduce
from operator import or_
from typing import NamedTuple

import msgspec
import polars as pl

from assets.normalise.json_records import IllegibleError, decode_record, split_fields, split_records
from assets.normalise.page_texts import MAX_UNDECLARED, Extras, Fields, Texts, fields_of, join_extras, record_columns
from assets.tables.table import Column, Table
from resources.coupontools.repeated_keys import free_name, rename_repeated_names
from resources.warehouse.extra_fields import leave_out_hiding
from resources.warehouse.schema import EMPTY_CONTAINER, FieldPath


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

    tokens: dict[FieldPath, pl.Series]
    """The JSON tokens of each declared field, by its path."""
    no_objects: list[pl.Series]
    """Where another value is in the place of an object of declared fields."""
    new_fields: set[str]
    """The names of the undeclared fields, dotted."""


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


def _collect_tokens(
    objects: Sequence[dict[str, msgspec.Raw]], declared: Fields, above: FieldPath, collected: _Collected
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
    column: Column, tokens: dict[FieldPath, pl.Series], texts: Sequence[pl.Series], literal: Collection[str]
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


def _coalesce(series: Sequence[pl.Series], name: str) -> pl.Series:
    return series[0].alias(name) if len(series) == 1 else pl.select(pl.coalesce(series).alias(name)).to_series()

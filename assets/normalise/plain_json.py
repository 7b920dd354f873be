"""Parses the JSON of a plain page into columns of texts with polars, for pages that it reads unchanged.

A page is plain if it has only declared fields, with texts, nulls, and those numbers and flags that polars returns
exactly as they are on the page. polars reads JSON without blocking other threads, but silently drops unknown fields and
changes other values: so a pattern is matched first, and a page that does not match is left to
`assets/normalise/exact_json.py`. Undeclared fields may be on the page if they are named beforehand; their JSON tokens
are kept as they are. A name that occurs twice in an object is detected by counting: the page has more members than were
read.
"""

import re
from collections.abc import Collection, Sequence
from functools import lru_cache, reduce
from typing import Any, NamedTuple

import msgspec
import polars as pl

from assets.normalise.json_records import IllegibleError, decode_record
from assets.normalise.page_texts import Extras, Fields, Texts, fields_of, join_extras, record_columns
from assets.tables.table import Table
from resources.coupontools.repeated_keys import may_repeat_names
from resources.warehouse.schema import FieldPath


def parse_plain_page(records: bytes, table: type[Table], undeclared: frozenset[str]) -> Texts | None:
    """Read a JSON array of records, which may have these undeclared fields, dotted; None if it is not plain."""
    form = _make_form(table, undeclared)
    try:
        page = pl.Series([records], dtype=pl.Binary).cast(pl.String)
        if not page.str.contains(form.pattern).item():
            return None
        objects = pl.read_json(records, schema=form.schema)
    except pl.exceptions.ComputeError:  # not UTF-8, or not JSON although it matches the pattern
        return None
    values = objects.select_seq(form.values)
    columns = []
    for column in record_columns(table):
        places = [values[".".join(path)] for path in column.paths]
        filled = [place for place in places if place.null_count() < len(place)]
        if len(filled) > 1:  # one value may hide another
            return None
        columns.append((filled or places)[0].alias(column.name))
    extra, tokens = _read_undeclared(records, form.undeclared, len(objects))
    groups = objects.select_seq(form.groups)
    if _has_repeated_names(page, [*values.iter_columns(), *groups.iter_columns()], list(tokens.values())):
        return None
    new_fields = frozenset(name for name, column in tokens.items() if column.null_count() < len(column))
    return Texts(pl.DataFrame(columns), extra, extra.is_null() & False, new_fields)


class _PlainForm(NamedTuple):
    """How the plain pages of a table are recognised and read."""

    pattern: str
    """Matches a plain page."""
    schema: pl.Schema
    values: Sequence[pl.Expr]
    """Selects the declared values, each named by its path."""
    groups: Sequence[pl.Expr]
    """Selects the objects of declared fields, each named by its path."""
    undeclared: Fields


@lru_cache(64)  # bounded, as later runs do not need the undeclared fields of earlier ones
def _make_form(table: type[Table], undeclared: frozenset[str]) -> _PlainForm:
    fields = fields_of(table)
    flags = {path for column in record_columns(table) if column.type.pattern for path in column.paths}
    flags -= {path for column in record_columns(table) if not column.type.pattern for path in column.paths}
    others = _make_tree(fields, undeclared)
    return _PlainForm(
        rf"^{_GAP}\[(?:{_object_pattern(fields, others, flags, ())},?{_GAP})*\]{_GAP}$",
        pl.Schema(_make_dtypes(fields)),
        [_select_value(path).alias(".".join(path)) for column in record_columns(table) for path in column.paths],
        [_select_value(path).alias(".".join(path)) for path in list_groups(fields)],
        others,
    )


def _select_value(path: FieldPath) -> pl.Expr:
    first, *deeper = path
    return reduce(lambda outer, name: outer.struct.field(name), deeper, pl.col(first))


def list_groups(fields: Fields) -> list[FieldPath]:
    """Return the places of the objects of declared fields."""
    inner = {name: nested for name, nested in fields.items() if nested is not None}
    return [(name, *deeper) for name, nested in inner.items() for deeper in [(), *list_groups(nested)]]


def _has_repeated_names(page: pl.Series, read: Sequence[pl.Series], tokens: Sequence[pl.Series]) -> bool:
    """Whether the page has more members than the values that were `read` and the `tokens` of undeclared fields.

    The first count may be too high. It is corrected in steps, each of which searches the page, until nothing is left
    over. Nulls are not counted: a null that is dropped for another value of the same name is no loss.
    """
    undeclared = pl.concat(tokens) if tokens else pl.Series(dtype=pl.String)

    def outside(text: str) -> int:
        return _count(page, text) - _count(undeclared, text)

    over = _count(page, '":') - sum(len(texts) - texts.null_count() for texts in (*read, undeclared))
    if over:
        over -= _count(undeclared, '":') - int((undeclared == "null").sum())
    for null in _NULLS:
        over -= outside(null) if over else 0
    if over:  # quotes in texts
        over -= outside('\\":') - sum(outside(f"\\{null}") for null in _NULLS)
    return over != 0 or _has_repeated_names_inside(undeclared)


_NULLS = ('":null', '": null')


def _count(texts: pl.Series, text: str) -> int:
    return int(texts.str.count_matches(text, literal=True).sum())


def _has_repeated_names_inside(tokens: pl.Series) -> bool:
    """Whether a name may be twice in an object of an undeclared field."""
    inside = tokens.filter(tokens.str.contains(r"^[\[{]"))
    text = f"[{','.join(inside)}]".encode()
    try:
        return bool(len(inside)) and may_repeat_names(text, decode_record(text))
    except IllegibleError:
        return True


def _make_dtypes(fields: Fields) -> dict[str, pl.DataType]:
    return {
        field: pl.String() if nested is None else pl.Struct(_make_dtypes(nested)) for field, nested in fields.items()
    }


_GAP = r"[ \t\r\n]*"
ESCAPE = (
    r'\\(?:["\\/bfnrt]|u(?:[0-9a-ce-fA-CE-F][0-9a-fA-F]{3}|[dD][0-7][0-9a-fA-F]{2}'
    r"|[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}))"
)
"""An escape in a text, except lone surrogates, which polars cannot read."""

_TEXT = rf'"(?:[^"\\]|{ESCAPE})*"'
_SCALAR = rf"(?:{_TEXT}|null|0|-?[1-9][0-9]{{0,17}}|-?(?:0|[1-9][0-9]{{0,8}})\.[0-9]{{0,5}}[1-9])"
"""Texts, and the numbers that are the same text after polars has read them."""


def _nest_pattern(value: str) -> str:
    """Return the pattern of a value, or of a list or an object of such values."""
    listed = rf"\[{_GAP}(?:{value}{_GAP},?{_GAP})*\]"
    return rf"(?:{value}|{listed}|\{{{_GAP}(?:{_TEXT}{_GAP}:{_GAP}{value}{_GAP},?{_GAP})*\}})"


_ANY = _nest_pattern(_nest_pattern(rf"(?:{_TEXT}|-?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|true|false|null)"))


def _object_pattern(fields: Fields, others: Fields, flags: Collection[FieldPath], above: FieldPath) -> str:
    """Return the pattern of objects with only these fields; the parser checks commas and brackets."""
    values = [field for field, nested in fields.items() if nested is None]
    of_flags = [field for field in values if (*above, field) in flags]
    members = [_member_pattern(values, _SCALAR), _member_pattern(of_flags, "(?:true|false)")]
    for field, nested in fields.items():
        if nested is not None:
            inner = _object_pattern(nested, others.get(field) or {}, flags, (*above, field))
            members.append(_member_pattern([field], f"(?:{inner}|null)"))
    members.append(_member_pattern([name for name, nested in others.items() if nested is None], _ANY))
    return rf"{_GAP}\{{(?:{_GAP}(?:{'|'.join(filter(None, members))}){_GAP},?)*{_GAP}\}}{_GAP}"


def _member_pattern(names: Sequence[str], value: str) -> str:
    # without a gap before the colon, so that members can be counted
    return f'"(?:{"|".join(map(re.escape, names))})":{_GAP}{value}' if names else ""


_NAME = re.compile(r"[A-Za-z0-9_-]{1,60}")


def _make_tree(fields: Fields, undeclared: Collection[str]) -> Fields:
    """Return the undeclared fields as a tree, in the order in which they come to `_extra`."""
    inside: Fields = {}
    for field, nested in fields.items():
        if nested is not None:
            deeper = {name.removeprefix(f"{field}.") for name in undeclared if name.startswith(f"{field}.")}
            if tree := _make_tree(nested, deeper):
                inside[field] = tree
    return inside | {name: None for name in sorted(undeclared) if _NAME.fullmatch(name) and name not in fields}


def _read_undeclared(records: bytes, others: Fields, count: int) -> tuple[pl.Series, dict[str, pl.Series]]:
    """Read the column `_extra`, and the JSON tokens of each undeclared field, null where a record has none."""
    if not others:
        return join_extras([], count), {}
    struct = _make_struct(tuple(_list_paths(others)))
    tokens: dict[str, pl.Series] = {}
    extras = _collect_tokens(msgspec.json.decode(records, type=list[struct]), struct, others, "", tokens)  # type: ignore[valid-type]
    return join_extras(extras, count), tokens


def _collect_tokens(
    objects: Sequence[Any], struct: type[msgspec.Struct], others: Fields, above: str, tokens: dict[str, pl.Series]
) -> Extras:
    """Return the JSON tokens of the undeclared fields; puts them into `tokens`, too, by dotted name."""
    extras: Extras = []
    for info, (name, nested) in zip(msgspec.structs.fields(struct), others.items(), strict=True):
        values = [getattr(object_, info.name) for object_ in objects]
        if nested is not None:
            inner = info.type.__args__[0]
            nothing = inner()
            deeper = _collect_tokens(
                [object_ or nothing for object_ in values], inner, nested, f"{above}{name}.", tokens
            )
            extras.append((name, join_extras(deeper, len(objects))))
            continue
        column = pl.Series("", [None if value is None else bytes(value) for value in values], dtype=pl.Binary)
        tokens[f"{above}{name}"] = column.cast(pl.String)
        extras.append((name, tokens[f"{above}{name}"]))
    return extras


def _list_paths(others: Fields) -> list[FieldPath]:
    return [
        (name, *deeper)
        for name, nested in others.items()
        for deeper in (_list_paths(nested) if nested is not None else [()])
    ]


@lru_cache(64)
def _make_struct(paths: tuple[FieldPath, ...]) -> type[msgspec.Struct]:
    """Return a msgspec type that keeps the tokens at these paths, and skips everything else."""
    names = list(dict.fromkeys(path[0] for path in paths))
    deeper = [tuple(path[1:] for path in paths if path[0] == name and len(path) > 1) for name in names]
    types = [_make_struct(inner) | None if inner else msgspec.Raw for inner in deeper]
    attributes = [(f"f{i}", type_, None) for i, type_ in enumerate(types)]
    return msgspec.defstruct("Undeclared", attributes, rename={f"f{i}": name for i, name in enumerate(names)}, gc=False)

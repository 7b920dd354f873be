"""Compares the records of an answer with the model of their table, in names, types and counts, without a value."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from assets.normalise.json_records import IllegibleError, decode_record, split_records
from assets.tables.table import Evidence, Table
from resources.coupontools.json_shape import field_name, kind
from resources.coupontools.lone_surrogates import replace_lone_surrogates

MAX_RECORDS = 1_000
"""Records of a page that are compared with the model."""

WELL_KNOWN: tuple[Evidence, ...] = ("documented", "seen in client code")
"""Fields that are expected on every account."""


@dataclass(frozen=True)
class Fit:
    """How the records of a page fit the model of their table; no text holds a value of a record."""

    records: int
    """How many records were compared."""
    known: int
    """How many columns have a value in a well-known field."""
    assumed: Mapping[str, str]
    """For each other column that has values, the field that holds them, with its JSON types."""
    not_found: tuple[str, ...]
    """The columns that no record has a field of."""
    undeclared: Mapping[str, str]
    """The JSON types of each field without a column."""
    rejected: Mapping[str, int]
    """How many records do not fit, by reason."""


def fit(records: bytes, table: type[Table]) -> Fit:
    """Compare the records of a page with the model."""
    texts = split_records(records)[:MAX_RECORDS]
    objects, illegible = [], Counter[str]()
    for text in texts:
        try:
            objects.append(decode_record(replace_lone_surrogates(text)))
        except IllegibleError as error:
            illegible[str(error)] += 1
    kinds: dict[tuple[str, ...], Counter[str]] = {}
    for record in objects:
        for path, value in _leaves(record, table) if isinstance(record, dict) else ():
            kinds.setdefault(path, Counter())[kind(value)] += 1
    fields = _fields_of_columns(kinds, table)
    assumed = {name: field for name, (field, evidence) in fields.items() if evidence not in WELL_KNOWN}
    declared = {path for column in table.columns() for path in column.paths}
    return Fit(
        records=len(texts),
        known=len(fields) - len(assumed),
        assumed=assumed,
        not_found=tuple(column.name for column in table.columns() if column.paths and column.name not in fields),
        undeclared={
            ".".join(map(field_name, path)): _join_kinds(kinds[path]) for path in sorted(kinds) if path not in declared
        },
        rejected=illegible + Counter(reason for record in objects for reason in table.reasons(record)),
    )


def _fields_of_columns(
    kinds: Mapping[tuple[str, ...], Counter[str]], table: type[Table]
) -> dict[str, tuple[str, Evidence]]:
    """Return for each column that has values its first field with values, and how well that field is known."""
    fields: dict[str, tuple[str, Evidence]] = {}
    for column in table.columns():
        for path, evidence in zip(column.paths, column.evidence, strict=True):
            if path in kinds:
                fields.setdefault(column.name, (f"{'.'.join(path)} ({_join_kinds(kinds[path])})", evidence))
    return fields


def _join_kinds(kinds: Counter[str]) -> str:
    return " or ".join(name for name, _ in kinds.most_common())


def _leaves(record: Mapping[str, Any], table: type[Table]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the fields of a record by path, as deep as the model goes."""
    groups = {path[:-1] for column in table.columns() for path in column.paths if len(path) > 1}
    for name, value in record.items():
        if (name,) in groups and isinstance(value, dict):
            yield from (((name, inner), nested) for inner, nested in value.items())
        else:
            yield (name,), value

"""Compares the records of an answer with the model of their table, in names, types and counts, without a value."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from assets.normalise.exact_json import IllegibleError, decoded, split_records
from assets.tables.table import Evidence, Table
from resources.coupontools.json_shape import field_name, kind
from resources.coupontools.lone_surrogates import replace_lone_surrogates

MAX_RECORDS = 1_000
"""Records of a page that are compared with the model."""

WELL_KNOWN: tuple[Evidence, ...] = ("documented", "seen in client code")
"""Fields that are expected on every account."""


@dataclass(frozen=True)
class Fit:
    """What was found in so many `records`.

    `found` says for each column whose field nothing documents under which one its values stand, and with which
    types; `known` counts the other columns that were found. `missing` names the columns without any, `unknown` the
    fields without a column and their types, `refused` why and how often a record does not fit.
    """

    records: int
    known: int
    found: Mapping[str, str]
    missing: tuple[str, ...]
    unknown: Mapping[str, str]
    refused: Mapping[str, int]


def fit(records: bytes, table: type[Table]) -> Fit:
    """Compare the records of a page with the model."""
    texts = split_records(records)[:MAX_RECORDS]
    objects, illegible = [], Counter[str]()
    for text in texts:
        try:
            objects.append(decoded(replace_lone_surrogates(text)))
        except IllegibleError as error:
            illegible[str(error)] += 1
    kinds: dict[tuple[str, ...], Counter[str]] = {}
    for path, value in (pair for each in objects if isinstance(each, dict) for pair in _leaves(each, table)):
        kinds.setdefault(path, Counter())[kind(value)] += 1
    declared = {path for column in table.columns() for path in column.paths}
    places: dict[str, tuple[str, Evidence]] = {}
    for column in table.columns():
        for path, evidence in zip(column.paths, column.evidence, strict=True):
            if path in kinds:
                places.setdefault(column.name, (f"{'.'.join(path)} ({_join_kinds(kinds[path])})", evidence))
    found = {
        column: place
        for column, (place, evidence) in places.items()
        if evidence not in ("documented", "seen in client code")
    }
    named = [column.name for column in table.columns() if column.paths]
    refused = illegible + Counter(reason for each in objects for reason in table.reasons(each))
    return Fit(
        len(texts),
        len(places) - len(found),
        found,
        tuple(name for name in named if name not in places),
        {".".join(map(field_name, path)): _join_kinds(kinds[path]) for path in sorted(kinds) if path not in declared},
        refused,
    )


def _join_kinds(kinds: Counter[str]) -> str:
    return " or ".join(name for name, _ in kinds.most_common())


def _leaves(record: Mapping[str, Any], table: type[Table]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The fields of a record by path, as deep as the model goes."""
    groups = {path[:-1] for column in table.columns() for path in column.paths if len(path) > 1}
    for name, value in record.items():
        if (name,) in groups and isinstance(value, dict):
            yield from (((name, inner), each) for inner, each in value.items())
        else:
            yield (name,), value

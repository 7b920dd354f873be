"""Turns events into rows of the table `webhook_events`, whatever they hold.

A value that its column cannot take does not reject its event: it stays in `_extra`, with the fields without a column.
"""

from collections.abc import Sequence

import msgspec
import polars as pl

from assets.normalise.page_texts import record_columns
from assets.tables.table import Column
from assets.tables.webhook_events import WebhookEvent
from resources.webhooks.event import Event, InvalidEventError, split_event

Members = dict[str, bytes]
"""The JSON tokens of an object's members by name."""

GROUPS = frozenset(path[0] for column in record_columns(WebhookEvent) for path in column.paths if len(path) > 1)
"""The members of an event that are objects with values for columns."""


def make_rows(events: Sequence[Event]) -> pl.DataFrame:
    """Make a row of each event, in their order, with the columns of the table; `verified` is null."""
    records = [dict(event.members) for event in events]
    groups = [{name: _split_group(record.get(name)) for name in GROUPS} for record in records]
    columns = {column.name: _read_column(column, records, groups) for column in record_columns(WebhookEvent)}
    received_at = pl.Series([event.received_at for event in events], dtype=pl.Datetime("us"))
    digests = pl.Series([event.digest for event in events], dtype=pl.String)
    made = {
        "event_id": columns["event_id"].zip_with(columns["event_id"].is_not_null(), digests),
        "received_at": received_at,
        "_extra": pl.Series([_join(*rest) for rest in zip(records, groups, strict=True)], dtype=pl.String),
        "_extracted_at": received_at,
    }
    schema = WebhookEvent.schema_of_frames()
    nothing = {name: _nothing(len(events), schema[name]) for name in schema.keys() - columns.keys() - made.keys()}
    return pl.DataFrame(nothing | columns | made).select(schema.names())


def _nothing(height: int, dtype: pl.DataType) -> pl.Series:
    return pl.Series([None] * height, dtype=dtype)


def _split_group(token: bytes | None) -> Members | None:
    """Split a member that is an object; None if it is not."""
    if token is None or token[:1] != b"{":
        return None
    try:
        return split_event(token)
    except InvalidEventError:
        return None


def _read_column(column: Column, records: Sequence[Members], groups: Sequence[dict[str, Members | None]]) -> pl.Series:
    """Read the values of a column from the first of its places that has one, and take these out of the records."""
    taken: pl.Series | None = None
    for path in column.paths:
        holders = list(records) if len(path) == 1 else [group[path[0]] or {} for group in groups]
        tokens = [holder.get(path[-1]) for holder in holders]
        if not any(tokens):
            continue
        values, is_readable = column.type.read_tokens(pl.Series(tokens, dtype=pl.Binary).cast(pl.String))
        is_taken = is_readable if taken is None else is_readable & taken.is_null()
        for index, token in enumerate(tokens):
            if token is not None and is_taken[index]:
                del holders[index][path[-1]]
        taken = values if taken is None else taken.zip_with(taken.is_not_null(), values)
    return _nothing(len(records), column.type.dtype) if taken is None else taken


def _join(record: Members, groups: dict[str, Members | None]) -> str | None:
    """Join what no column has taken into one JSON object; None if nothing is left."""
    for name, members in groups.items():
        if members:
            record[name] = _encode(members)
        elif members is not None and record.get(name) != b"{}":
            record.pop(name, None)
    return _encode(record).decode() if record else None


def _encode(members: Members) -> bytes:
    return msgspec.json.encode({name: msgspec.Raw(token) for name, token in members.items()})

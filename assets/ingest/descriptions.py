"""Things that the API lists in short and describes one by one: both answers become one record.

A description's value counts, unless it is empty or of another JSON type than the list's. A value that gives way is
kept all the same, under `list.<name>` or `info.<name>`, which no column claims, so that it ends in `_extra`.
"""

import logging
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

import msgspec
import polars as pl

from assets.ingest.children import parents
from assets.ingest.extract import ExtractionReport, Read, extract, identity, keep_unreadable_answer
from assets.normalise.exact_json import IllegibleError, split_fields, split_records
from assets.normalise.normalise import identifiers
from assets.tables.quarantine import Quarantine
from assets.tables.table import Table
from resources.coupontools.client import Client
from resources.coupontools.envelope import Answer, ShapeError
from resources.coupontools.errors import NotAvailableError, ParentNotFoundError, UnreadableError
from resources.coupontools.gather import gather
from resources.coupontools.page import Page
from resources.coupontools.repeated_keys import EMPTY
from resources.coupontools.requests import PageRequest, Slice
from resources.warehouse.batch import Batch, CompletedSlice


async def extract_described(
    client: Client,
    listing: str,
    description: str,
    table: type[Table],
    known: Callable[[], Collection[str]],
    batch: Batch,
    log: logging.Logger,
) -> ExtractionReport:
    """Read the part `listing` of an account into the batch, each record with its `description`.

    Where a description fails, the row of an id that is `known` stays as it is, so that nothing is lost of what an
    earlier read told; another one is taken as it is listed. Raises CoupontoolsError as `extract` does.
    """
    listed = Slice(client.endpoints[listing])
    described: dict[str, bytes] = {}
    gone: list[str] = []
    unreadable: dict[Slice, UnreadableError] = {}

    async def describe(slice_: Slice) -> None:
        try:
            record = await client.read(PageRequest(slice_), _only_record)
            if record is not None:
                described[str(slice_.parent)] = record
        except (NotAvailableError, ParentNotFoundError) as error:
            log.warning("%s It is taken as it is listed, unless more is known of it.", error)
            gone.append(str(slice_.parent))
        except UnreadableError as error:
            log.warning("%s", error)
            unreadable[slice_] = error

    slices: list[Slice] = []
    with suppress(UnreadableError):  # extract meets it too, and puts it away
        found = await parents(client, listed.endpoint, table)
        describing = client.endpoint_beside(description, listed.endpoint)
        slices = [Slice(describing, identifier) for identifier in found.ids]
        await gather(describe(slice_) for slice_ in slices)
        for slice_ in slices:
            refused = int(slice_ in unreadable)
            batch.complete(CompletedSlice(*identity(slice_), refused, refused, None, complete=not refused))
    failed = {*gone, *(str(slice_.parent) for slice_ in unreadable)}
    left_out = failed.intersection(known()) if failed else set()
    report = await extract(
        client,
        [Read(listed)],
        table,
        batch,
        log,
        complete=lambda page: _completed(page, table, described, left_out=left_out),
    )
    empty = table.schema_of_frames().to_frame()
    still_there = pl.DataFrame({table.KEY[0]: sorted(left_out)}, {table.KEY[0]: pl.String})
    batch.add(empty, Quarantine.schema_of_frames().to_frame(), still_there)
    report.gone += gone
    if bare := len(slices) - len(described) - len(gone) - len(unreadable):
        log.warning(f"{table.TABLE}: {bare:,} of {len(slices):,} are listed but not described")
    for slice_, error in unreadable.items():
        keep_unreadable_answer(batch, report, table, slice_, error)
    batch.flush()
    return report


def _only_record(answer: Answer, _asked_at: datetime) -> bytes | None:
    """The record of a description; None if it is empty. Raises ShapeError if there are several, or no object."""
    try:
        records = split_records(answer.records)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise ShapeError from None
    if len(records) > 1 or any(record[:1] != b"{" for record in records):
        raise ShapeError
    return records[0] if records else None


def _completed(page: Page, table: type[Table], described: Mapping[str, bytes], left_out: Collection[str]) -> Page:
    """The page without the records of ids that are left out, each other one with what its description adds."""
    (key,) = (column for column in table.columns() if column.name in table.KEY)
    ids, found = {name for (name,) in key.paths}, identifiers(page, table)
    first: dict[str, bytes] = {}
    records = [
        merged(record, described[each], each, ids)
        if each in described and first.setdefault(each, record) == record
        else record
        for record, each in zip(split_records(page.records), found, strict=True)
        if each not in left_out
    ]
    return replace(page, records=b"[" + b",".join(records) + b"]")


def merged(record: bytes, description: bytes, identifier: str, ids: Collection[str]) -> bytes:
    """One JSON object out of a list's record and its description; `ids` are the fields that hold `identifier`."""
    try:
        listed, described = (split_fields(each) for each in (record, description))
    except (IllegibleError, msgspec.ValidationError):
        # a text that is not Unicode, say: the record goes to quarantine with all that was sent
        return record.rstrip()[:-1] + b',"info":' + description + b"}"
    both = dict(listed)
    for name, raw in described.items():
        value, known = bytes(raw), bytes(listed.get(name, b"null"))
        if name in ids:
            both |= {} if value.strip(b'"').decode() == identifier else {f"info.{name}": raw}
        elif known in EMPTY:
            both[name] = raw
        elif value in EMPTY or _compact(value) == _compact(known):
            continue
        elif _kind(value) == _kind(known):
            both |= {name: raw, f"list.{name}": listed[name]}
        else:
            both[f"info.{name}"] = raw
    return msgspec.json.encode(both)


def _compact(token: bytes) -> bytes:
    return msgspec.json.format(token, indent=-1) if token[:1] in (b"{", b"[") else token


def _kind(token: bytes) -> bytes:
    """What tells the JSON type of a token: its first byte, one for all numbers and one for true and false."""
    first = token[:1]
    return b"0" if first in b"-0123456789" else b"t" if first == b"f" else first

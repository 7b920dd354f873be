"""Extracts records that the API lists briefly and describes one by one: both answers become one record.

Where both have a field, the description's value is used, unless it is empty or of another JSON type than the list's.
The other value is kept under `list.<name>` or `info.<name>`, which no column declares, so that it goes to `_extra`; the
prefix is repeated while a field of either answer has that name.
"""

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

import msgspec
import polars as pl

from assets.ingest.children import Listing, list_ids
from assets.ingest.extract import extract, slice_key, store_unreadable_answer
from assets.ingest.extraction_report import ExtractionReport
from assets.ingest.table_run import TableRun
from assets.normalise.json_records import IllegibleError, split_fields, split_records
from assets.normalise.normalise import PageNormaliser
from assets.tables.quarantine import Quarantine
from assets.tables.table import Table
from resources.coupontools.errors import NotAvailableError, ParentNotFoundError, ShapeError, UnreadableError
from resources.coupontools.gather import gather
from resources.coupontools.page import Page
from resources.coupontools.repeated_keys import free_name, is_empty_token
from resources.coupontools.requests import PageRequest, Slice
from resources.warehouse.batch import CompletedSlice


@dataclass
class _Descriptions:
    """The descriptions of the records of a list, by id."""

    records: dict[str, bytes] = field(default_factory=dict)
    slices: list[Slice] = field(default_factory=list)
    """The requests for the descriptions."""
    not_found: list[str] = field(default_factory=list)
    unreadable: dict[Slice, UnreadableError] = field(default_factory=dict)

    @property
    def failed(self) -> set[str]:
        """The ids of which there is no description because the request failed."""
        return {*self.not_found, *(str(slice_.parent) for slice_ in self.unreadable)}

    @property
    def empty(self) -> int:
        """How many requests brought no description although they did not fail."""
        return len(self.slices) - len(self.records) - len(self.not_found) - len(self.unreadable)


async def extract_described(run: TableRun, unchanged: Collection[str] = ()) -> ExtractionReport:
    """Read the list of a table into the batch, each record together with its description.

    The stored rows of `unchanged` ids are left as they are, and their descriptions are not read. If a description
    fails, the stored row is left as it is, too, so that an earlier description is not lost; a record without a stored
    row is stored without its description. Raises CoupontoolsError as `extract` does.
    """
    (part,) = run.source.parts
    listed = Slice(run.client.endpoints[part])
    descriptions = await _read_descriptions(run, listed, unchanged)
    left_out = {*unchanged, *(descriptions.failed.intersection(_stored_ids(run)) if descriptions.failed else ())}
    normaliser = PageNormaliser(run.table)

    def complete_page(page: Page) -> Page:
        return _with_descriptions(page, normaliser, descriptions.records, left_out)

    report = await extract(run, [listed], complete_page=complete_page, left_out=left_out)
    present_keys = pl.DataFrame({run.table.KEY[0]: sorted(left_out)}, {run.table.KEY[0]: pl.String})
    empty = run.table.schema_of_frames().to_frame()
    run.store(empty, Quarantine.schema_of_frames().to_frame(), present_keys)
    report.deleted += descriptions.not_found
    if descriptions.empty:
        run.log.warning(
            f"{run.table.TABLE}: {descriptions.empty:,} of {len(descriptions.slices):,} are listed but not described"
        )
    for slice_, error in descriptions.unreadable.items():
        store_unreadable_answer(run, report, slice_, error)
    run.batch.flush()
    return report


def _stored_ids(run: TableRun) -> list[str]:
    return run.stored_rows()[run.table.KEY[0]].to_list()


async def _read_descriptions(run: TableRun, listed: Slice, unchanged: Collection[str]) -> _Descriptions:
    """Read the description of every listed record, except those with `unchanged` ids.

    Raises TypeError if the table has none.
    """
    descriptions, endpoint_of_one = _Descriptions(), run.source.description
    if endpoint_of_one is None:
        raise TypeError(f"The records of {run.table.TABLE} have no description.")

    async def describe(slice_: Slice) -> None:
        try:
            record = await run.client.read(PageRequest(slice_), _only_record)
            if record is not None:
                descriptions.records[str(slice_.parent)] = record
        except (NotAvailableError, ParentNotFoundError) as error:
            run.log.warning("%s It is stored without its description, unless an earlier one is stored.", error)
            descriptions.not_found.append(str(slice_.parent))
        except UnreadableError as error:
            run.log.warning("%s", error)
            descriptions.unreadable[slice_] = error

    with suppress(UnreadableError):  # `extract` meets the same answer, and stores it
        id_list = await list_ids(run.client, Listing(listed.endpoint, run.table))
        endpoint = run.client.endpoint_with_ids_of(endpoint_of_one, listed.endpoint)
        descriptions.slices += [
            Slice(endpoint, identifier) for identifier in id_list.ids if identifier not in unchanged
        ]
        await gather(map(describe, descriptions.slices))
        for slice_ in descriptions.slices:
            rejected = int(slice_ in descriptions.unreadable)
            completed = CompletedSlice(slice_key(slice_), rejected, rejected, is_complete=not rejected)
            run.batch.complete(completed)
    return descriptions


def _only_record(page: Page) -> bytes | None:
    """Return the record of a description; None if it is empty. Raises ShapeError if there are several, or no object."""
    try:
        records = split_records(page.records)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise ShapeError from None
    if len(records) > 1 or any(record[:1] != b"{" for record in records):
        raise ShapeError
    return records[0] if records else None


def _with_descriptions(
    page: Page, normaliser: PageNormaliser, descriptions: Mapping[str, bytes], left_out: Collection[str]
) -> Page:
    """Merge each record of a page with its description; of those with `left_out` ids keep only the id.

    They stay on the page to be counted, and with their id alone none of them is rejected.
    """
    ids, id_fields = normaliser.read_identifiers(page), _id_fields(normaliser.table)
    first: dict[str, bytes] = {}

    def complete(record: bytes, identifier: str) -> bytes:
        if identifier in left_out:
            return msgspec.json.encode({id_fields[0]: identifier})
        if identifier in descriptions and first.setdefault(identifier, record) == record:
            return merge_records(record, descriptions[identifier], identifier, id_fields)
        return record

    records = [
        record if identifier is None else complete(record, identifier)
        for record, identifier in zip(split_records(page.records), ids, strict=True)
    ]
    return replace(page, records=b"[" + b",".join(records) + b"]")


def _id_fields(table: type[Table]) -> list[str]:
    (key,) = (column for column in table.columns() if column.name in table.KEY)
    return [name for (name,) in key.paths]


def merge_records(record: bytes, description: bytes, identifier: str, id_fields: Collection[str]) -> bytes:
    """Merge a list's record with its description into one JSON object; `id_fields` hold the `identifier`."""
    try:
        listed, described = split_fields(record), split_fields(description)
    except (IllegibleError, msgspec.ValidationError):
        # for example a text that is not Unicode: the record goes to quarantine with all that was sent
        return record.rstrip()[:-1] + b',"info":' + description + b"}"
    both, others = dict(listed), list[tuple[str, str, msgspec.Raw]]()
    for name, raw in described.items():
        value, known = bytes(raw), bytes(listed.get(name, b"null"))
        if name in id_fields:
            is_same = _compact(value) in (msgspec.json.encode(identifier), identifier.encode())
            others += [] if is_same else [("info", name, raw)]
        elif is_empty_token(known):
            both[name] = raw
        elif is_empty_token(value) or _compact(value) == _compact(known):
            continue
        elif _kind(value) == _kind(known):
            both[name] = raw
            others.append(("list", name, listed[name]))
        else:
            others.append(("info", name, raw))
    for prefix, name, raw in others:
        both[free_name(prefix, name, both)] = raw
    return msgspec.json.encode(both)


def _compact(token: bytes) -> bytes:
    """Return the token without blanks and with each text written in the same way; numbers stay as they are written."""
    match token[:1]:
        case b'"':
            return msgspec.json.encode(msgspec.json.decode(token))
        case b"[":
            items = msgspec.json.decode(token, type=list[msgspec.Raw])
            return b"[" + b",".join(_compact(bytes(item)) for item in items) + b"]"
        case b"{":
            fields = msgspec.json.decode(token, type=dict[str, msgspec.Raw])
            return msgspec.json.encode({name: msgspec.Raw(_compact(bytes(raw))) for name, raw in fields.items()})
    return token


def _kind(token: bytes) -> bytes:
    """Return the JSON type of a token: its first byte, one for all numbers and one for true and false."""
    first = token[:1]
    return b"0" if first in b"-0123456789" else b"t" if first == b"f" else first

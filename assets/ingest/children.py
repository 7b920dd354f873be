"""Extracts records that belong to parents, such as sessions to campaigns: lists the parents, then reads each one."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from assets.ingest.extract import extract
from assets.ingest.extraction_report import ExtractionReport
from assets.ingest.table_run import TableRun
from assets.normalise.normalise import PageNormaliser
from assets.tables.table import Table, source_of
from resources.coupontools.client import Client
from resources.coupontools.endpoints import Endpoint
from resources.coupontools.errors import NotAvailableError
from resources.coupontools.gather import gather
from resources.coupontools.page import Page
from resources.coupontools.pages import PageReader
from resources.coupontools.requests import Slice
from resources.printable import make_printable
from resources.utc import utc_now
from resources.warehouse.deletions import CompleteParentList


@dataclass(frozen=True)
class Listing:
    """The endpoint that lists the records of a table."""

    endpoint: Endpoint
    table: type[Table]


@dataclass(frozen=True)
class IdList:
    """The records of a table that are in the account."""

    ids: tuple[str, ...]
    """Their ids, in the order of the API."""
    listed_at: datetime
    """When the listing began, naive UTC."""
    is_complete: bool
    """Whether no other record of the table was in the account at that time."""


@dataclass(frozen=True)
class _IdPage:
    """The ids of a page, null where a record has none that can be used."""

    ids: pl.Series
    is_before_window: bool = False
    keyless: int = 0

    @property
    def records(self) -> int:
        return len(self.ids)

    @property
    def hashes(self) -> pl.Series:
        return self.ids.hash()


async def list_ids(client: Client, listing: Listing) -> IdList:
    """Read the ids of the records that are in the account; none if the account does not have that part."""
    listed_at = utc_now()
    normaliser = PageNormaliser(listing.table)
    pages: list[pl.Series] = []

    def decode(page: Page) -> _IdPage:
        return _IdPage(normaliser.read_identifiers(page))

    def store(page: _IdPage, _new: pl.Series | None) -> None:
        pages.append(page.ids)

    try:
        result = await PageReader(client).read_pages(Slice(listing.endpoint), decode, store)
    except NotAvailableError:
        return IdList((), listed_at, is_complete=False)
    holds_all = result.holds_all_announced or client.accepts_counts
    is_complete = holds_all and result.is_stable and not any(ids.null_count() for ids in pages)
    ids = dict.fromkeys(identifier for ids in pages for identifier in ids.drop_nulls())
    return IdList(tuple(ids), listed_at, is_complete)


def parent_listing(client: Client, table: type[Table]) -> Listing:
    """Return the listing of a table's parents, in the version whose ids the table's endpoint takes."""
    source, parent = source_of(table), parent_of(table)
    (part,) = source_of(parent).parts
    return Listing(client.endpoint_with_ids_of(part, client.endpoints[source.parts[0]]), parent)


def parent_of(table: type[Table]) -> type[Table]:
    """Return the table of what a table's records belong to. Raises TypeError if there is none."""
    parent = source_of(table).parent
    if parent is None:
        raise TypeError(f"The records of {table.TABLE} have no parent.")
    return parent


def slices_of_parent(run: TableRun, parent: str) -> list[Slice]:
    """Return the slices of a parent: one for each part of the table, over the run's window."""
    endpoints, window = run.client.endpoints, run.window
    constants = {run.source.parent_column: parent}
    return [Slice(endpoints[part], parent, window.start, window.end, constants) for part in run.source.parts]


async def extract_children(
    run: TableRun, choose_slices: Callable[[str], Awaitable[Sequence[Slice]]] | None = None
) -> ExtractionReport:
    """Read the records of each listed parent, or only of those that the run names.

    `choose_slices` returns the slices to read of a parent, instead of all of `slices_of_parent`. If all days are read,
    the rows of every parent that is no longer listed count as deleted, also of parents that the run does not name.

    Raises CoupontoolsError as `extract` does.
    """
    listing = parent_listing(run.client, run.table)
    parents, parent_table = await list_ids(run.client, listing), listing.table
    listed = set(parents.ids)
    chosen = parents.ids if run.parents is None else [parent for parent in run.parents if parent in listed]
    run.log.info(f"{run.table.TABLE}: reading the records of {len(chosen):,} {parent_table.TABLE}")
    if choose_slices is None:
        slices = [slice_ for parent in chosen for slice_ in slices_of_parent(run, parent)]
    else:
        slices = [slice_ for of_parent in await gather(map(choose_slices, chosen)) for slice_ in of_parent]
    report = await extract(run, slices, parents=parent_table.TABLE)
    report.deleted += [parent for parent in run.parents or () if parent not in listed]
    if run.window.is_everything and parents.is_complete:
        report.complete_reads.append(CompleteParentList(parents.listed_at, run.source.parent_column, parents.ids))
    if report.not_found:
        await _confirm_not_found(run, listing, report)
    return report


async def _confirm_not_found(run: TableRun, listing: Listing, report: ExtractionReport) -> None:
    """List the parents again, to tell those that were deleted from those whose HTTP 404 has another cause.

    A parent that is still listed was not deleted: a proxy, or a missing endpoint, may answer so.
    """
    listed = set((await list_ids(run.client, listing)).ids)
    for parent in report.not_found:
        if parent in listed:
            report.unreadable.append(
                f"The API lists {make_printable(parent)} among the {listing.table.TABLE}, but answers HTTP 404 when it "
                "is read. Run again. If it stays so, choose the other version with COUPONTOOLS_API_VERSIONS; "
                "coupontools check --probe says which works."
            )
        else:
            report.deleted.append(parent)

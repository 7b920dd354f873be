"""What hangs on something else, as sessions on campaigns: the parents are listed afresh, then read one by one."""

import logging
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
import polars as pl

from assets.ingest.extract import ExtractionReport, Read, extract
from assets.normalise.normalise import identifiers
from assets.tables.table import Table
from resources.coupontools.client import Client
from resources.coupontools.endpoints import Endpoint
from resources.coupontools.envelope import ShapeError
from resources.coupontools.errors import NotAvailableError
from resources.coupontools.gather import gather
from resources.coupontools.page import Page
from resources.coupontools.pages import PageReader, Reads, Taken
from resources.coupontools.requests import Slice
from resources.printable import make_printable
from resources.warehouse.batch import Batch
from resources.warehouse.deletions import CompleteParentList


@dataclass(frozen=True)
class Parents:
    """The `ids` that the API listed, in its order; `is_whole` if no other parent was in the account at that time."""

    ids: tuple[str, ...]
    at: datetime
    is_whole: bool


async def parents(client: Client, endpoint: Endpoint, table: type[Table]) -> Parents:
    """All that `endpoint` lists now; nothing if the account does not have that part."""
    at = datetime.now(UTC).replace(tzinfo=None)
    found: dict[str, None] = {}
    nameless: list[int] = []

    def read(page: Page) -> pl.Series:
        try:
            return identifiers(page, table)
        except msgspec.DecodeError:
            raise ShapeError from None

    def take(ids: pl.Series) -> Taken:
        nameless.append(ids.null_count())
        found.update(dict.fromkeys(ids.drop_nulls()))
        return Taken(len(ids), ids.hash())

    try:
        reading = await PageReader(client).read(Slice(endpoint), Reads(read, take))
    except NotAvailableError:
        return Parents((), at, is_whole=False)
    is_all = reading.holds_all_announced or client.accepts_counts
    is_whole = is_all and reading.at_rest and not any(nameless)
    return Parents(tuple(found), at, is_whole)


async def extract_children(
    client: Client,
    listing: Endpoint,
    parent: type[Table],
    reads: Callable[[str], Awaitable[Sequence[Read]]],
    table: type[Table],
    batch: Batch,
    log: logging.Logger,
    *,
    dated: str | None = None,
    only: Collection[str] | None = None,
    finds_deletions: bool = True,
) -> ExtractionReport:
    """Read what hangs on each that `listing` lists now, or on those of it that are among `only`; `reads` says what.

    With `finds_deletions` what hangs on a parent that is no longer listed counts as deleted with it, on whichever.
    Raises CoupontoolsError as `extract` does.
    """
    listed = await parents(client, listing, parent)
    wanted = listed.ids if only is None else [each for each in only if each in set(listed.ids)]
    log.info(f"{table.TABLE}: reading of {len(wanted):,} {parent.TABLE}")
    wanted_reads = [read for of_parent in await gather(map(reads, wanted)) for read in of_parent]
    report = await extract(client, wanted_reads, table, batch, log, dated, parents=parent.TABLE)
    report.gone += [each for each in only or () if each not in set(listed.ids)]
    if finds_deletions and listed.is_whole:
        report.whole.append(CompleteParentList(listed.at, parent.KEY[0], listed.ids))
    if report.missing and not report.finished:
        await _confirm(client, listing, parent, report)
    else:
        report.gone += report.missing
    return report


async def _confirm(client: Client, listing: Endpoint, parent: type[Table], report: ExtractionReport) -> None:
    """Where HTTP says of every parent that it is not there, tell parents that are gone from an endpoint that is."""
    listed = set((await parents(client, listing, parent)).ids)
    for each in report.missing:
        if each in listed:
            report.unreadable.append(
                f"The API lists {make_printable(each)} among the {parent.TABLE}, but answers HTTP 404 when it is read. "
                "Choose the other version with COUPONTOOLS_API_VERSIONS; coupontools check --probe says which works."
            )
        else:
            report.gone.append(each)

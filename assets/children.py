"""What hangs on something else, as sessions on campaigns: the parents are listed afresh, then read one by one."""

import logging
from collections.abc import Callable, Collection, Sequence

import msgspec

from assets.extraction import Extraction, Read, extract
from assets.normalise import identifiers
from assets.tables.table import Table
from resources.coupontools.client import Client
from resources.coupontools.endpoints import Endpoint
from resources.coupontools.envelope import ShapeError
from resources.coupontools.errors import AbsentError
from resources.coupontools.paging import Page, Reader, Taken
from resources.coupontools.questions import Unit
from resources.warehouse.batch import Batch


async def parents(client: Client, endpoint: Endpoint, table: type[Table]) -> list[str]:
    """The ids of all that `endpoint` lists now, in its order; none if the account does not have that part."""
    found: dict[str, None] = {}

    def take(page: Page) -> Taken:
        try:
            ids = identifiers(page, table).drop_nulls()
        except msgspec.DecodeError:
            raise ShapeError from None
        found.update(dict.fromkeys(ids))
        return Taken(len(ids), ids.hash())

    try:
        await Reader(client).read(Unit(endpoint), take)
    except AbsentError:
        return []
    return list(found)


async def extract_children(
    client: Client,
    listing: Endpoint,
    parent: type[Table],
    reads: Callable[[str], Sequence[Read]],
    table: type[Table],
    batch: Batch,
    log: logging.Logger,
    *,
    dated: str | None = None,
    only: Collection[str] | None = None,
) -> Extraction:
    """Read all that hangs on what `listing` lists now, or on those of it that are among `only`.

    Raises CoupontoolsError as `extract` does.
    """
    listed = await parents(client, listing, parent)
    wanted = listed if only is None else [each for each in only if each in set(listed)]
    log.info(f"{table.TABLE}: reading of {len(wanted):,} {parent.TABLE}")
    extraction = await extract(client, [read for each in wanted for read in reads(each)], table, batch, log, dated)
    extraction.gone += [each for each in only or () if each not in set(listed)]
    if extraction.missing and not extraction.finished:
        await _confirm(client, listing, parent, extraction)
    else:
        extraction.gone += extraction.missing
    return extraction


async def _confirm(client: Client, listing: Endpoint, parent: type[Table], extraction: Extraction) -> None:
    """Where HTTP says of every parent that it is not there, tell parents that are gone from an endpoint that is."""
    listed = set(await parents(client, listing, parent))
    for each in extraction.missing:
        if each in listed:
            extraction.unreadable.append(
                f"The API lists {each} among the {parent.TABLE}, but answers HTTP 404 when it is read. Choose the "
                "other version with COUPONTOOLS_API_VERSIONS; coupontools check --probe says which one works."
            )
        else:
            extraction.gone.append(each)

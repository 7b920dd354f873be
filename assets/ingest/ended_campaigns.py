"""Reads ended campaigns once a week instead of every day, where COUPONTOOLS_ENDED_CAMPAIGNS asks for it.

Sessions of an ended campaign are left out from Monday to Saturday. A read that includes a Sunday begins with the Monday
before it and reads every campaign, so that by then no day of any campaign is missing, also of one that ended or became
active in between. Days whose Sunday is over are read for every campaign at once, as no later read would include them.

The API itself lists the active campaigns, with `only_active` (API.md, section 5.1). If that list is refused or not
complete, all campaigns count as active.
"""

from collections.abc import Collection
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta

import msgspec
import polars as pl

from assets.ingest.children import Listing, list_ids, parent_of
from assets.ingest.table_run import TableRun
from assets.normalise.normalise import NormalisedPage, PageNormaliser
from assets.tables.table import Table, source_of
from assets.window import Window
from resources.coupontools.client import Client
from resources.coupontools.errors import NotAvailableError, RequestError, UnreadableError
from resources.coupontools.pages import PageReader
from resources.coupontools.requests import Slice
from resources.settings import ReadFrequency
from resources.utc import utc_now, utc_today

WEEK = timedelta(days=7)
SUNDAY = 6


async def choose_campaigns(run: TableRun) -> TableRun:
    """Return the run without the ended campaigns, or over the whole week if it includes a Sunday.

    Without that setting, and where the run reads all days or names its campaigns, it stays as it is.
    """
    if run.window.is_everything or run.parents is not None or not _are_read_weekly():
        return run
    if not can_wait(run.window, utc_today()):
        return replace(run, window=begin_with_monday(run.window))
    active = await _list_active(run.client, parent_of(run.table))
    if active is None:
        return run
    run.log.info(f"{run.table.TABLE}: {len(active):,} campaigns are active; ended ones are read with the next Sunday")
    return replace(run, parents=active)


def can_wait(window: Window, today: date) -> bool:
    """Return whether a later read will include the days of a window: that of the Sunday after them."""
    sunday = _first_sunday(window)
    return sunday is not None and window.end is not None and window.end < sunday and sunday >= today


def begin_with_monday(window: Window) -> Window:
    """Extend a window that includes a Sunday back to the Monday before it; return any other as it is."""
    sunday = _first_sunday(window)
    if sunday is None or window.start is None or window.end is None or window.end < sunday:
        return window
    return replace(window, start=min(window.start, sunday - WEEK + timedelta(days=1)))


def _first_sunday(window: Window) -> date | None:
    """Return the first Sunday that is not before a window; None for a window without days."""
    return window.start + timedelta(days=SUNDAY - window.start.weekday()) if window.start else None


async def list_unchanged(run: TableRun) -> frozenset[str]:
    """List the ended campaigns whose descriptions can wait: stored with one within a week, and listed as they were."""
    if not _are_read_weekly():
        return frozenset()
    with suppress(NotAvailableError, UnreadableError):  # the extraction reads the list again, and reports the error
        active = await _list_active(run.client, run.table)
        if active is not None:
            return _select_unchanged(await _list_rows(run), run.stored_rows(), active, run.table)
    return frozenset()


def _are_read_weekly() -> bool:
    return ReadFrequency.read().ended_campaigns == "weekly"


async def _list_active(client: Client, table: type[Table]) -> tuple[str, ...] | None:
    """List the ids of the active records of a table; None if some may not be in the list."""
    part = source_of(table).active
    with suppress(RequestError, UnreadableError):
        active = await list_ids(client, Listing(client.endpoints[part], table)) if part else None
        return active.ids if active and active.is_complete else None
    return None


async def _list_rows(run: TableRun) -> pl.DataFrame:
    """Read the list of a table as its rows would be without descriptions."""
    (part,) = run.source.parts
    pages = [run.table.schema_of_frames().to_frame()]

    def store(page: NormalisedPage, _new: pl.Series | None) -> None:
        pages.append(page.rows)

    await PageReader(run.client).read_pages(
        Slice(run.client.endpoints[part]), PageNormaliser(run.table).normalise, store
    )
    return pl.concat(pages).unique(run.table.KEY, keep="none")


def _select_unchanged(
    listed: pl.DataFrame, stored: pl.DataFrame, active: Collection[str], table: type[Table]
) -> frozenset[str]:
    """Select the ids of inactive rows whose stored row is less than a week old and has all that the list has, and more.

    What is more came from a description: a row whose description could not be read is stored without it.
    """
    (key,) = table.KEY
    names = [column.name for column in table.columns() if column.name != key]
    now = utc_now()
    is_fresh = pl.col("_extracted_at").is_between(now - WEEK, now)  # a wrong clock may have noted a later time
    in_list = [name for name in names if listed[name].null_count() < len(listed)]  # others only descriptions have
    says_the_same = [pl.col(name).eq_missing(pl.col(f"{name}_listed")) for name in in_list]
    says_more = [pl.col(name).is_not_null() for name in names if name not in in_list]
    both = stored.filter(is_fresh).join(listed.select(key, *names, "_extra"), on=key, suffix="_listed")
    same = both.filter(~pl.col(key).is_in(list(active)), *says_the_same)
    more = same.select(key, pl.any_horizontal(pl.lit(value=False), *says_more), "_extra", "_extra_listed").rows()
    return frozenset(
        id_ for id_, is_more, extra, extra_listed in more if is_more or _names_in(extra) - _names_in(extra_listed)
    )


def _names_in(extra: str | None) -> set[str]:
    return set(msgspec.json.decode(extra, type=dict[str, msgspec.Raw])) if extra else set()

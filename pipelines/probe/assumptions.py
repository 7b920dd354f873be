"""Prints a line for each assumption about the API: whether it holds on an account, without any value of a record."""

from collections.abc import Sequence
from dataclasses import replace

import click
import polars as pl

from assets.normalise.json_records import split_records
from assets.normalise.normalise import PageNormaliser
from pipelines.probe.endpoints import PARTS, Probed, ask
from resources.coupontools.client import Client
from resources.coupontools.envelope import NO_RECORDS
from resources.coupontools.errors import CoupontoolsError, ParentNotFoundError, RequestError
from resources.coupontools.page import Page
from resources.coupontools.requests import Slice

FAR_PAST_THE_END = 100_000
HOLDS, FAILS, UNKNOWN = "holds", "DOES NOT HOLD", "cannot be seen on this account"

WINDOWS = {
    "v3/campaign/data": "created_at",
    "v3/campaign/opens": "opened_at",
    "v3/campaign/claims": "claimed_at",
    "v3/campaign/validations": "validated_at",
}
"""The date by which start_date and end_date are taken to filter."""


async def show_assumptions(client: Client, probed: Sequence[Probed]) -> None:
    """Print for each assumption whether it holds. Raises AccountError and UnreachableError."""
    by_path = {page.slice_.endpoint.path: page for page in probed}
    click.echo("\nAssumptions")
    for path, column in WINDOWS.items():
        await _show_window(client, by_path[path], column)
    sessions, registrations = by_path["v3/campaign/data"], by_path["v3/directoryusers/list"]
    users = by_path["v4/loyalty/loyalty-cards/{parent}/stats"]
    for paged, page in ((sessions, FAR_PAST_THE_END), (registrations, FAR_PAST_THE_END), (users, 2)):
        _print(f"{paged.slice_.endpoint.path}, a page past the end", await _page_past_the_end(client, paged, page))
    _print("an unknown campaign is answered with error 502", await _unknown_campaign(client, sessions))
    _print("amount_of_results of campaign/data", _amount(sessions))
    _print("directoryusers/list is newest first", _newest_first(registrations))
    _print(
        "users of loyalty cards who are void are listed", _has_voided(by_path[client.endpoints["loyalty_users"].path])
    )
    for name, v3, v4 in (
        ("loyalty cards", "v3/loyalty/list", "v4/loyalty/loyalty-cards"),
        ("directories", "v3/directory/list", "v4/directory"),
    ):
        _print(f"{name} have the same ids in v3 and v4", _same_ids(by_path[v3], by_path[v4]))


def _print(assumption: str, verdict: str) -> None:
    click.echo(f"  {assumption}: {verdict}")


def _rows(probed: Probed) -> pl.DataFrame:
    table, _ = PARTS[probed.part]
    constants = {column.name: "?" for column in table.columns() if not column.paths}
    page = replace(probed.page, slice_=replace(probed.slice_, constants=constants))
    return PageNormaliser(table).normalise(page).rows


async def _show_window(client: Client, probed: Probed, column: str) -> None:
    """Request the one day of a record that was read, and compare the answer with that record."""
    path = probed.slice_.endpoint.path
    rows = _rows(probed).filter(pl.col(column).is_not_null())
    if column != "created_at":  # only such a record shows by which of the two dates it is filtered
        rows = rows.filter(
            pl.col("created_at").is_null() | (pl.col("created_at").dt.date() != pl.col(column).dt.date())
        )
    if rows.is_empty():
        _print(f"{path} filters by {column}", UNKNOWN)
        return
    latest = rows.sort(pl.col(column).dt.time()).tail(1)
    day = latest[column].dt.date()[0]
    slice_ = Slice(probed.slice_.endpoint, probed.slice_.parent, day, day)
    answer = await ask(client, slice_, 1)
    if not isinstance(answer, Page):
        _print(f"{path} filters by {column}", str(answer))
        return
    answered = _rows(Probed(probed.part, slice_, answer))
    is_in_answer = latest["session_id"][0] in answered["session_id"].to_list()
    on_the_day = bool((answered[column].dt.date() == day).fill_null(value=False).all())
    _print(f"{path} filters by {column}", HOLDS if on_the_day and len(answered) else FAILS)
    _print(f"{path} takes end_date with its whole day", HOLDS if is_in_answer else FAILS)


async def _page_past_the_end(client: Client, probed: Probed, page: int) -> str:
    if probed.records == NO_RECORDS:
        return UNKNOWN
    match await ask(client, probed.slice_, page):
        case Page(records=records) if records == NO_RECORDS:
            return "is empty"
        case Page(records=records):
            return "is the first page again" if records == probed.records else "has records"
        case RequestError(codes=codes):
            return f"is refused (error {', '.join(map(str, sorted(codes))) or 'without a code'})"
        case error:
            return str(error)


async def _unknown_campaign(client: Client, sessions: Probed) -> str:
    unknown = Slice(client.endpoints["campaign_info"], "cam_1")
    if sessions.slice_.parent == unknown.parent:
        return UNKNOWN
    match await ask(client, unknown):
        case ParentNotFoundError():
            return HOLDS
        case CoupontoolsError() as error:
            return f"{FAILS}: {error}"
        case _:
            return UNKNOWN


def _amount(sessions: Probed) -> str:
    if not isinstance(sessions.answer, Page) or sessions.answer.announced is None:
        return "is not there"
    page = len(split_records(sessions.answer.records))
    amount = sessions.answer.announced
    return "counts all pages" if amount > page else f"counts the page, or all pages of a list of one ({page:,} records)"


def _newest_first(registrations: Probed) -> str:
    dates = _rows(registrations)["registered_at"].drop_nulls()
    if dates.n_unique() < 2:
        return UNKNOWN
    return HOLDS if dates.is_sorted(descending=True) else FAILS


def _has_voided(users: Probed) -> str:
    return HOLDS if _rows(users)["is_voided"].any() else UNKNOWN


def _same_ids(one: Probed, other: Probed) -> str:
    if not one.ids or not other.ids:
        return UNKNOWN
    return HOLDS if set(one.ids) == set(other.ids) else FAILS

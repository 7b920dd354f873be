"""`coupontools check --probe`: one page of every endpoint, and how well it fits the models.

The report holds names, types and counts, and no value of any record, so that it can be shown to anybody.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import click

from assets.catalogue import SOURCES
from assets.normalise.json_records import split_records
from assets.normalise.normalise import PageNormaliser
from assets.tables.table import Table
from pipelines.probe.fit import fit
from resources.coupontools.client import Client
from resources.coupontools.endpoints import ENDPOINTS, Endpoint
from resources.coupontools.envelope import NO_RECORDS
from resources.coupontools.errors import AccountError, CoupontoolsError, UnreachableError
from resources.coupontools.page import Page
from resources.coupontools.requests import PageRequest, Slice
from resources.printable import make_printable
from resources.utc import utc_now

MAX_PARENTS_TRIED = 5
"""The most parents that are tried before an endpoint counts as empty."""


def _parts() -> Iterator[tuple[str, tuple[type[Table], str | None]]]:
    """Yield the parts of each table, those of parents before those of their children."""
    for table, source in sorted(SOURCES.items(), key=lambda item: item[1].parent is not None):
        listing = _list_of(source.parent)
        yield from ((part, (table, listing)) for part in source.parts)
        if source.active:
            yield source.active, (table, None)
        if source.description:
            yield source.description, (table, _list_of(table))


def _list_of(table: type[Table] | None) -> str | None:
    return SOURCES[table].parts[0] if table else None


PARTS: Mapping[str, tuple[type[Table], str | None]] = dict(_parts())
"""For each part of an account, its table and the part that lists its parents."""


@dataclass(frozen=True)
class Probed:
    """A page of an endpoint, or why there is none."""

    part: str
    slice_: Slice
    answer: Page | CoupontoolsError

    @property
    def records(self) -> bytes:
        """The JSON array of the records; empty if there is no answer."""
        return self.page.records

    @property
    def page(self) -> Page:
        """The page; one without records if there is no answer."""
        return self.answer if isinstance(self.answer, Page) else _empty_page(self.slice_)

    @property
    def ids(self) -> list[str]:
        """The ids of the records, for tables with one key column."""
        return PageNormaliser(PARTS[self.part][0]).read_identifiers(self.page).drop_nulls().to_list()

    @property
    def summary(self) -> str:
        """What was answered, in a few words."""
        if not isinstance(self.answer, Page):
            return str(self.answer)
        amount = len(split_records(self.records))
        under = f"under {make_printable(self.answer.records_key)}" if self.answer.records_key else "without a key"
        return f"{amount:,} records {under}" if amount else "no records"


def _empty_page(slice_: Slice) -> Page:
    return Page(slice_, 1, NO_RECORDS, utc_now())


async def ask(client: Client, slice_: Slice, page: int | None = None) -> Page | CoupontoolsError:
    """Request a page; an error of the endpoint is returned. Raises AccountError and UnreachableError."""
    try:
        return await client.read(PageRequest(slice_, page), lambda answer: answer)
    except (AccountError, UnreachableError):
        raise
    except CoupontoolsError as error:
        return error


async def probe(client: Client) -> list[Probed]:
    """Read one page of every endpoint, in both versions, and print a line for each. Raises as `ask` does."""
    probed: list[Probed] = []
    click.echo("Endpoints")
    for part, (table, listing) in PARTS.items():
        for endpoint in filter(None, (ENDPOINTS[part].v3, ENDPOINTS[part].v4)):
            page = await _first_with_records(client, part, endpoint, _parents(probed, listing, endpoint))
            probed.append(page)
            use = f"read for {table.TABLE}" if client.endpoints[part] == endpoint else "not read"
            click.echo(f"  {endpoint.path} [{use}]: {page.summary}")
    return probed


def _parents(probed: list[Probed], listing: str | None, endpoint: Endpoint) -> list[str] | None:
    """Return the ids to request the endpoint with, those of its own version first; None if it takes none."""
    if listing is None:
        return None
    lists = sorted(
        (page for page in probed if page.part == listing),
        key=lambda page: page.slice_.endpoint.version != endpoint.version,
    )
    return next((page.ids for page in lists if page.ids), [])


async def _first_with_records(client: Client, part: str, endpoint: Endpoint, parents: list[str] | None) -> Probed:
    """Request the page of one parent after the other until one has records."""
    if parents == []:
        return Probed(part, Slice(endpoint), _empty_page(Slice(endpoint)))
    first_page = 1 if endpoint.page else None
    tried: list[str | None] = [*parents[:MAX_PARENTS_TRIED]] if parents else [None]
    for parent in tried:
        page = Probed(part, Slice(endpoint, parent), await ask(client, Slice(endpoint, parent), first_page))
        if page.records != NO_RECORDS:
            break
    return page


def show_fields(probed: list[Probed]) -> None:
    """Print how the records of each page fit the columns of their table."""
    for page in probed:
        table, _ = PARTS[page.part]
        compared = fit(page.records, table)
        if not compared.records or _has_fields_of_another(page.part):
            continue
        click.echo(f"\n{table.TABLE} from {page.slice_.endpoint.path}, {compared.records:,} records looked at")
        _show("known columns found", [str(compared.known)])
        _show("assumed columns found", [f"{column} in {field}" for column, field in compared.assumed.items()])
        _show("columns not found", compared.not_found)
        _show("fields without a column", [f"{name} ({kinds})" for name, kinds in compared.undeclared.items()])
        _show("records that do not fit", [f"{reason} ({times:,} times)" for reason, times in compared.rejected.items()])


def _has_fields_of_another(part: str) -> bool:
    """Return whether a part lists the same records as the first part of its table."""
    source = SOURCES[PARTS[part][0]]
    return part in source.parts[1:] and part not in source.constants


def _show(title: str, entries: Sequence[str]) -> None:
    if entries:
        click.echo(f"  {title}: {', '.join(map(make_printable, entries))}")

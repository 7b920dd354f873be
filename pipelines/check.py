"""`coupontools check`: prints a line for each part of the set-up that must be right."""

import asyncio
import platform
from collections.abc import Awaitable, Callable
from contextlib import closing, suppress
from importlib.metadata import version

import click

from resources.coupontools.account import CoupontoolsAccount
from resources.coupontools.client import Client
from resources.coupontools.errors import CoupontoolsError
from resources.coupontools.requests import PageRequest, Slice
from resources.coupontools.server_clock import describe_lead
from resources.printable import make_printable
from resources.settings import (
    Alerts,
    ApiLimits,
    EngineMemory,
    Metrics,
    PersonalData,
    ReadFrequency,
    SettingsError,
    Webhooks,
    describe_unread,
)
from resources.warehouse.admission import admit
from resources.warehouse.errors import WarehouseError
from resources.warehouse.origin import Origin
from resources.warehouse.warehouse import Warehouse


def check(*, with_probe: bool, with_alert: bool) -> None:
    """Check warehouse, address and keys, and with `with_alert` whether alerts arrive; print a line for each.

    Raises click.ClickException if one fails.
    """
    packages = ", ".join(f"{name} {version(name)}" for name in ("dagster", "polars", "duckdb", "httpx", "pydantic"))
    _show(f"Python {platform.python_version()}, {packages}", is_ok=True)
    with closing(Warehouse()) as warehouse:
        is_usable = _check_storage(warehouse) and _check_origin(warehouse)
    results = [is_usable, _check_account(_probe if with_probe else _ask_once), *_check_alerts(with_test=with_alert)]
    _show_share_of_limits()
    results += _check_other_variables()
    _show_warnings()
    if not all(results):
        raise click.ClickException("The set-up is not complete; see the lines marked FAILED.")


def _show(message: str, *, is_ok: bool) -> bool:
    word = click.style("ok    ", fg="green") if is_ok else click.style("FAILED", fg="red")
    click.echo(f"{word}  {make_printable(message)}")
    return is_ok


def _check_storage(warehouse: Warehouse) -> bool:
    try:
        for part in warehouse.engine.prove():
            _show(part, is_ok=True)
    except (SettingsError, WarehouseError) as error:
        return _show(str(error), is_ok=False)
    return True


def _check_origin(warehouse: Warehouse) -> bool:
    try:
        policy = warehouse.personal_data.label
    except SettingsError as error:
        return _show(str(error), is_ok=False)
    try:
        admit(warehouse.engine, Origin(CoupontoolsAccount().fingerprint(), policy))
    except SettingsError:  # the line of the account shows it
        return True
    except WarehouseError as error:
        return _show(str(error), is_ok=False)
    return _show(f"the {warehouse.engine.place.kind} is this account's, or nobody's yet", is_ok=True)


def _check_other_variables() -> list[bool]:
    """Show the errors in variables that nothing above reads."""
    results = []
    for settings in (EngineMemory, ReadFrequency, Metrics, Webhooks):
        try:
            settings.read()
        except SettingsError as error:
            results.append(_show(str(error), is_ok=False))
    return results


def _show_share_of_limits() -> None:
    """Show each worker's share of the limits; nothing if there is only one worker."""
    try:
        limits = ApiLimits.read()
    except SettingsError:  # the line of the account shows it
        return
    if limits.workers == 1:
        return
    rate = f" and {limits.share.requests_per_second:g} a second" if limits.share.requests_per_second else ""
    most = f"{limits.share.concurrency} requests at the same time{rate}"
    _show(f"each of the {limits.workers} workers sends at most {most}", is_ok=True)


def _show_warnings() -> None:
    warnings: list[str | None] = [*describe_unread()]
    for describe_risk in (CoupontoolsAccount().risk, lambda: PersonalData.read().describe_risk()):
        with suppress(SettingsError):  # the lines of the account and the rows show it
            warnings.append(describe_risk())
    for warning in filter(None, warnings):
        _show_warning(warning)


def _show_warning(warning: str) -> None:
    click.echo(f"{click.style('warn  ', fg='yellow')}  {make_printable(warning)}")


def _check_alerts(*, with_test: bool) -> list[bool]:
    """Say who is alerted, if anybody is to be; with `with_test` send each of them a test message."""
    try:
        if not with_test and not Alerts.read().alerts:
            return []
        from pipelines.alerts.command import send_test
        from resources.alerts.receivers import read_receivers

        names = [receiver.name for receiver in read_receivers()]
        sent = send_test() if with_test else {}
    except SettingsError as error:
        return [_show(str(error), is_ok=False)]
    if not names:
        return [_show("COUPONTOOLS_ALERTS is not set: nobody is alerted", is_ok=False)]
    if not with_test:
        return [_show(f"alerts go to {', '.join(names)}", is_ok=True)]
    return [
        _show(f"{name}: {failure or 'a test alert was sent'}", is_ok=failure is None) for name, failure in sent.items()
    ]


def _check_account(work: Callable[[Client], Awaitable[None]]) -> bool:
    async def run() -> None:
        async with CoupontoolsAccount().connect() as client:
            await work(client)

    try:
        asyncio.run(run())
    except (SettingsError, CoupontoolsError) as error:
        return _show(str(error), is_ok=False)
    return True


async def _ask_once(client: Client) -> None:
    """Request the list of campaigns, which needs the address, the network and the keys to be right."""
    await client.read(PageRequest(Slice(client.endpoints["campaigns"])), lambda page: page)
    _show("the API answers, and takes the keys", is_ok=True)
    if warning := describe_lead(client.traffic.clock_lead):
        _show_warning(warning)


async def _probe(client: Client) -> None:
    from pipelines.probe.assumptions import show_assumptions
    from pipelines.probe.endpoints import probe, show_fields

    await _ask_once(client)
    click.echo()
    probed = await probe(client)
    show_fields(probed)
    await show_assumptions(client, probed)
    click.echo(f"\n{client.traffic.requests:,} requests; no value of any record is in this report.")

"""`coupontools webhooks`: receives the events that Coupontools sends, until Ctrl-C."""

import logging
import secrets
import sys
from contextlib import suppress

import click

from assets.webhooks.intake import EventIntake, open_inbox
from assets.webhooks.verification import Verifier
from resources.coupontools.account import CoupontoolsAccount
from resources.coupontools.requests import Credentials
from resources.settings import ApiCredentials, SettingsError, Webhooks
from resources.warehouse.admission import admit
from resources.warehouse.errors import WarehouseError
from resources.warehouse.warehouse import Warehouse
from resources.webhooks.receiver import WebhookReceiver
from resources.webhooks.server import listen, make_server


def receive_webhooks(host: str, port: int) -> None:
    """Receive events on an address, verify and keep them, until Ctrl-C. Raises click.ClickException."""
    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.WARNING)
    try:
        receiver, path = _prepare()
    except (SettingsError, WarehouseError) as error:
        raise click.ClickException(str(error)) from None
    listener = listen(host, port)
    shown = f"[{host}]" if ":" in host else host
    sys.stdout.write(
        f"Events of Coupontools are received at http://{shown}:{listener.getsockname()[1]}/{path}\n"
        "Ctrl-C ends it; what was received is read by Dagster's sensor webhook_updates, or the next export.\n"
    )
    sys.stdout.flush()
    with suppress(KeyboardInterrupt):
        make_server(receiver.app()).run(sockets=[listener])
    sys.stdout.write("No more events are received.\n")


def _prepare() -> tuple[WebhookReceiver, str]:
    """Make the receiver for the account and the folder of the environment; returns the path to show as well."""
    coupontools, warehouse = CoupontoolsAccount(), Warehouse()
    keys = ApiCredentials.read()
    credentials = Credentials(keys.client_id.get_secret_value(), keys.client_secret.get_secret_value())
    if risk := coupontools.risk():
        click.echo(f"Warning: {risk}", err=True)
    origin = warehouse.origin_of(coupontools.fingerprint())
    admit(warehouse.engine, origin)
    warehouse.folder.make()
    if warehouse.engine.read_origin() is None:  # whoever writes first decides whose folder it is
        warehouse.engine.write_origin(origin)
    inbox = open_inbox(warehouse)
    inbox.make()
    verifier = Verifier(inbox, CoupontoolsAccount, logging.getLogger("webhooks"))
    intake = EventIntake(warehouse, credentials, verifier.note_waiting)
    setting = Webhooks.read().webhook_token
    token = setting.get_secret_value() if setting else secrets.token_urlsafe(24)
    return WebhookReceiver(token, intake, verifier.running()), "<COUPONTOOLS_WEBHOOK_TOKEN>" if setting else token

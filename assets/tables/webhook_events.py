"""The table `webhook_events`."""

from typing import ClassVar

from assets.tables.table import Table, column
from assets.tables.types import Flag, Id, Text, Timestamp, ZonedTimestamp
from resources.warehouse.schema import Month


class WebhookEvent(Table):
    """Events that came by webhook, one row each; hints of what has happened, of which the API has the truth.

    The API documents one kind of event and no body. Whatever came has a row, with all of it that has no column in
    `_extra`.
    """

    TABLE: ClassVar[str] = "webhook_events"
    PAGE: ClassVar[str] = "https://www.coupontools.com/en/api-and-webhooks"
    KEY: ClassVar[tuple[str, ...]] = ("event_id",)
    FILES: ClassVar[Month] = Month("received_at")

    event_id: Id = column({"id": "hinted"}, doc="Event; a hash of the body where it has no id")
    kind: Text | None = column({"type": "hinted"}, doc="What has happened, as coupon_validated")
    campaign_id: Text | None = column(
        {"campaign": "hinted", "coupon.campaign": "hinted"}, doc="Campaign in which it has happened"
    )
    session_id: Text | None = column({"session": "hinted"}, doc="Session that it is about")
    happened_at: ZonedTimestamp | None = column(
        {"datetime": "hinted", "date": "assumed"}, doc="When it has happened, UTC where it names no zone (assumed)"
    )
    received_at: Timestamp = column(doc="When it came first, UTC")
    verified: Flag | None = column(
        doc="Whether the API has sent it: its signature is right, or the API says so; null until that is known"
    )
    custom_id: Text | None = column(
        {"customid": "hinted", "customer.customid": "hinted"},
        doc="Id that the marketer gave the consumer",
        personal=True,
    )
    email: Text | None = column({"customer.email": "hinted"}, doc="Consumer's e-mail address", personal=True)
    phone: Text | None = column({"customer.phone": "assumed"}, doc="Consumer's phone number", personal=True)
    first_name: Text | None = column(
        {"customer.firstname": "assumed", "customer.first_name": "assumed"},
        doc="Consumer's first name",
        personal=True,
    )
    last_name: Text | None = column(
        {"customer.lastname": "assumed", "customer.last_name": "assumed"}, doc="Consumer's last name", personal=True
    )

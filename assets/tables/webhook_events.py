"""The table `webhook_events`."""

from typing import ClassVar

from assets.tables.table import Table, column
from assets.tables.types import Flag, Id, Text, Timestamp, ZonedTimestamp
from resources.warehouse.schema import Month


class WebhookEvent(Table):
    """Events received by webhook; one row per event. An event is only a hint: the other tables have what the API says.

    The API documents one kind of event and no body. Every received event has a row, with the fields without a column in
    `_extra`.
    """

    TABLE: ClassVar[str] = "webhook_events"
    PAGE: ClassVar[str] = "https://www.coupontools.com/en/api-and-webhooks"
    KEY: ClassVar[tuple[str, ...]] = ("event_id",)
    FILES: ClassVar[Month] = Month("received_at")

    event_id: Id = column({"id": "hinted"}, doc="Event id; a hash of the body if the event has none")
    kind: Text | None = column({"type": "hinted"}, doc="Kind of event, for example coupon_validated")
    campaign_id: Text | None = column({"campaign": "hinted", "coupon.campaign": "hinted"}, doc="Campaign of the event")
    session_id: Text | None = column({"session": "hinted"}, doc="Session of the event")
    happened_at: ZonedTimestamp | None = column(
        {"datetime": "hinted", "date": "assumed"},
        doc="When it happened, UTC; a time without a zone is assumed to be UTC",
    )
    received_at: Timestamp = column(doc="When it was first received, UTC")
    verified: Flag | None = column(
        doc="Whether Coupontools has sent it: its signature is valid, or the API confirms it; null until that is known"
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

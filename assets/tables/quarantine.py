"""The table `quarantine`."""

from typing import ClassVar

from assets.tables.table import Table, column
from assets.tables.types import Integer, Text, Timestamp


class Quarantine(Table):
    """Records that do not fit their table, one row per record and reason; replaced when they are read again."""

    TABLE: ClassVar[str] = "quarantine"

    table_name: Text = column(doc="Table that the record was meant for", required=True)
    endpoint: Text = column(doc="Path of the API endpoint that returned the record", required=True)
    parent_id: Text | None = column(doc="Id of the campaign (or other parent) in the request")
    window_start: Timestamp | None = column(doc="First day of the range in the request")
    window_end: Timestamp | None = column(doc="Last day of the range in the request")
    page: Integer = column(doc="Number of the page, from 1", required=True)
    reason: Text = column(doc="Field and what is wrong with it", required=True)
    record: Text = column(doc="The record as the API sent it, JSON", personal=True, required=True)

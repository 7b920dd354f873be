"""The table `quarantine`."""

from typing import ClassVar

from assets.tables.table import Table, column
from assets.tables.types import Integer, Text, Timestamp


class Quarantine(Table):
    """Records that do not fit their table, one row per record and reason; replaced when they are read again."""

    TABLE: ClassVar[str] = "quarantine"

    table_name: Text = column(doc="Table that the record was meant for", required=True)
    endpoint: Text = column(doc="Path of the API that gave the record", required=True)
    parent_id: Text | None = column(doc="Campaign (or other parent) that was asked for")
    window_start: Timestamp | None = column(doc="First day of the range that was asked for")
    window_end: Timestamp | None = column(doc="Last day of the range that was asked for")
    page: Integer = column(doc="Page of the answer, from 1", required=True)
    reason: Text = column(doc="Field and what is wrong with it", required=True)
    record: Text = column(doc="The record as the API sent it, JSON", personal=True, required=True)

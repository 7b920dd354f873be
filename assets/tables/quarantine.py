"""The table `quarantine`."""

from typing import ClassVar

from assets.tables.table import Table, column
from assets.tables.types import Integer, Text, Timestamp


class Quarantine(Table):
    """Records that do not fit their table, one row per list, record and reason, and answers that could not be read.

    A row is replaced when its list brings the same record again, and leaves when all days of its range are read again.
    """

    TABLE: ClassVar[str] = "quarantine"

    table_name: Text = column(doc="Table that the record or answer was meant for", required=True)
    endpoint: Text = column(doc="Path of the API endpoint that returned it", required=True)
    parent_id: Text | None = column(doc="Id of the campaign (or other parent) in the request")
    window_start: Timestamp | None = column(doc="First day of the range in the request")
    window_end: Timestamp | None = column(doc="Last day of the range in the request")
    page: Integer = column(doc="Number of the page, from 1", required=True)
    reason: Text = column(doc="Field and what is wrong with it, or why the answer could not be read", required=True)
    record: Text = column(
        doc="The record, JSON, or the answer, as the API sent it; of a long one the beginning, as the reason says",
        personal=True,
        required=True,
    )

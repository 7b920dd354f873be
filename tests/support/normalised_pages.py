"""Pages of JSON made by hand or by hypothesis, and what becomes of them in the columns of a table."""

import json
from datetime import datetime
from typing import Any

from hypothesis import strategies as st

from assets.normalise.normalise import NormalisedPage, PageNormaliser
from assets.tables.coupon_sessions import CouponSession
from assets.tables.table import Table
from resources.coupontools.endpoints import choose_endpoints
from resources.coupontools.page import Page
from resources.coupontools.requests import Slice

READ_AT = datetime(2026, 1, 2, 3, 4, 5, 678)
SESSIONS = choose_endpoints("")["sessions"]


def read(records: bytes | list[Any], table: type[Table] = CouponSession) -> NormalisedPage:
    content = records if isinstance(records, bytes) else json.dumps(records).encode()
    slice_ = Slice(SESSIONS, "cam_1", constants=constants_of(table))
    return PageNormaliser(table).normalise(Page(slice_, 1, content, READ_AT))


def constants_of(table: type[Table]) -> dict[str, str]:
    """The values of the columns that do not stand in a record."""
    return {column.name: "cam_1" for column in table.columns() if not column.paths}


def reasons(record: Any) -> list[str]:
    return read([record]).rejected["reason"].to_list()


# texts without the half pairs that JSON may hold and Unicode may not
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


gaps = st.sampled_from(["", "", "", " ", "\n\t"])


def spelt(draw: st.DrawFn, name: str) -> str:
    """A name as it stands in a page, now and then with an escape."""
    return f"\\u{ord(name[0]):04x}{name[1:]}" if draw(st.integers(0, 19)) == 0 else name

"""The order of the rows of a batch's files: by month, so that DuckDB passes over those of other months."""

from datetime import datetime, timedelta

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from resources.warehouse.batch_file import ROWS_OF_A_VECTOR, order_by_month

SCHEMA = pl.Schema(
    [("id", pl.Int64()), ("made_at", pl.Datetime("us")), ("colour", pl.String()), ("unknown", pl.String())]
)
dates = st.none() | st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31))


def month_of(date: datetime | None) -> tuple[int, int]:
    return (date.year, date.month) if date else (0, 0)


@given(st.lists(dates))
def test_rows_are_put_together_by_their_month_and_stay_as_they_are(made: list[datetime | None]) -> None:
    rows = [(number, date, f"colour {number}", None) for number, date in enumerate(made)]
    ordered = order_by_month(pl.DataFrame(rows, SCHEMA, orient="row"), "made_at")
    assert ordered.schema == SCHEMA
    assert ordered.rows() == sorted(rows, key=lambda row: month_of(row[1]))  # those of a month keep their order


def test_rows_that_lie_together_are_not_moved() -> None:
    days = [datetime(2026, 3, 31), datetime(2026, 1, 31), datetime(2026, 2, 28)]
    made = [day + timedelta(seconds=second) for day in days for second in range(ROWS_OF_A_VECTOR)]
    rows = pl.DataFrame({"made_at": made}, {"made_at": pl.Datetime("us")})
    assert order_by_month(rows, "made_at").equals(rows)
    scattered = rows[::3].vstack(rows[1::3]).vstack(rows[2::3])
    assert order_by_month(scattered, "made_at")["made_at"].dt.month().is_sorted()

"""Reads every view of the schema `marts` wholly, over made-up rows: seconds.

uv run --group benchmarks python -m tests.benchmarks.marts --rows 10000000 --people 4000000 --identified 0.4
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import duckdb

from assets.catalogue import TABLES, read_marts
from resources.warehouse.columns import create_marts, create_table
from resources.warehouse.sql import quoted_name

FIRST = "TIMESTAMP '2026-01-01'"
READ_AT = f"{FIRST} + INTERVAL 1 YEAR"
CAMPAIGNS = 300
LOCATIONS = 200

SESSIONS = {
    "session_id": "substr(md5(i::VARCHAR), 1, 21)",
    "campaign_id": "'cam_' || campaign",
    "sequence_id": "i",
    "email": "CASE WHEN person % 4 > 0 THEN 'person' || person || '@example.org' END",
    "phone": "CASE WHEN person % 2 = 0 THEN '+3247' || lpad(person::VARCHAR, 8, '0') END",
    "created_at": "created",
    "opened_at": "CASE WHEN progress >= 30 THEN created + progress * INTERVAL 1 MINUTE END",
    "claimed_at": "CASE WHEN progress >= 60 THEN created + progress * INTERVAL 1 HOUR END",
    "validated_at": "CASE WHEN progress >= 80 THEN created + progress * INTERVAL 1 DAY END",
    "voided_at": "CASE WHEN progress = 99 THEN created + INTERVAL 100 DAY END",
    "is_opened": "progress >= 30",
    "is_claimed": "progress >= 60",
    "is_validated": "progress >= 80",
    "is_voided": "progress = 99",
    "saved_to_apple_wallet_at": "CASE WHEN progress % 10 = 7 THEN created END",
    "expires_at_local": "CASE WHEN i % 3 = 0 THEN date_trunc('day', created) + (i % 400) * INTERVAL 1 DAY END",
    "validation_value": "CASE WHEN progress >= 90 THEN i % 10000 / 100 END",
    "own_validation_code": "CASE WHEN i % 4 = 0 THEN 'code' || i END",
    "redeem_location_id": f"CASE WHEN progress >= 80 THEN i % {LOCATIONS} END",
    "redeem_location_company": f"CASE WHEN progress >= 80 THEN 'Shop ' || i % {LOCATIONS} END",
    "utm_source": "CASE WHEN i % 2 = 0 THEN 'source' || i % 20 END",
    "utm_campaign": "CASE WHEN i % 2 = 0 THEN 'campaign' || i % 100 END",
}
"""Columns of sessions by number `i`, campaign, moment of creation, progress (0 to 99) and person, null for nobody.

As many reach each step as in the embedded account: of ten, seven are opened, four claimed, two validated.
"""

OTHERS = {
    "campaigns": (CAMPAIGNS, {"campaign_id": "'cam_' || i", "name": "'Campaign ' || i"}),
    "coupon_session_changes": (
        100_000,
        {
            "session_id": "substr(md5(i::VARCHAR), 1, 21)",
            "observed_at": FIRST,
            "is_voided_before": "i % 2 = 0",
            "is_voided_after": "i % 2 = 1",
        },
    ),
    "loyalty_users": (
        500_000,
        {
            "loyalty_card_id": "i % 10",
            "loyalty_user_id": "i",
            "email": "'person' || i || '@example.org'",
            "points": "i % 1000",
        },
    ),
    "loyalty_user_changes": (
        1_000_000,
        {
            "loyalty_card_id": "i % 10",
            "loyalty_user_id": "i % 500000",
            "observed_at": f"{FIRST} + (i % 300) * INTERVAL 1 DAY",
            "points_before": "i % 1000",
            "points_after": "i % 1000 + 10",
        },
    ),
    "directory_registrations": (
        500_000,
        {
            "directory_id": "i % 10",
            "registration_id": "i",
            "email": "'person' || i || '@example.org'",
            "registered_at": f"{FIRST} + (i % 300) * INTERVAL 1 DAY",
        },
    ),
}
"""Rows of the other tables that views read, and their columns by number `i`."""


def insert(connection: duckdb.DuckDBPyConnection, table: str, columns: dict[str, str], rows: str) -> None:
    """Insert rows into a table, its columns made up from those of a relation."""
    columns = columns | {"_extracted_at": READ_AT}
    names, values = ", ".join(map(quoted_name, columns)), ", ".join(columns.values())
    connection.execute(f"INSERT INTO {quoted_name(table)} ({names}) SELECT {values} FROM {rows}")


def make_database(file: Path, rows: int, people: int, identified: float) -> None:
    """Make a database with the tables, the views and so many sessions, a share of which names one of so many people.

    The sessions are in the order in which they are exported: campaign by campaign.
    """
    made_up = f"""(
        SELECT
            range AS i,
            range * {CAMPAIGNS} // {rows} AS campaign,
            {FIRST} + (hash(range) % (365 * 86400)) * INTERVAL 1 SECOND AS created,
            hash(range + 1) % 100 AS progress,
            CASE WHEN hash(range + 2) % 1000 < {identified * 1000} THEN hash(range + 3) % {people} END AS person
        FROM range({rows})
    )"""
    with duckdb.connect(str(file)) as connection:
        for table in TABLES:
            create_table(connection, table.schema_of_table())
        insert(connection, "coupon_sessions", SESSIONS, made_up)
        for name, (number, columns) in OTHERS.items():
            insert(connection, name, columns, f"(SELECT range AS i FROM range({number}))")
        create_marts(connection, read_marts())


def measure(connection: duckdb.DuckDBPyConnection, view: str, runs: int) -> float:
    """The median of the seconds that it takes to compute all columns of all rows of a view."""
    seconds = []
    for _ in range(runs):
        begun = time.perf_counter()
        connection.execute(f"SELECT count(COLUMNS(*)) FROM marts.{quoted_name(view)}").fetchall()
        seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds)


def main() -> None:
    """Read the command line, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000, help="sessions")
    parser.add_argument("--people", type=int, default=4_000_000)
    parser.add_argument("--identified", type=float, default=0.4, help="share of the sessions that name somebody")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "coupontools.duckdb"
        make_database(file, options.rows, options.people, options.identified)
        with duckdb.connect(str(file), read_only=True, config={"threads": options.threads}) as connection:
            views = "SELECT view_name FROM duckdb_views() WHERE schema_name = 'marts' ORDER BY 1"
            for (view,) in connection.execute(views).fetchall():
                print(f"{view}: {measure(connection, view, options.runs):.2f} s", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()

"""Why nothing is written without the writer lock: what two transactions of DuckLake do that delete side by side."""

from pathlib import Path

import duckdb
import pytest

pytest.importorskip("psycopg", reason="run it with uv run --group cluster pytest tests/cluster")

from resources.warehouse.lake.extensions import load_extensions


def test_two_unlocked_deletes_from_one_object_leave_rows_twice_without_an_error(tmp_path: Path) -> None:
    """Once this fails, DuckLake refuses the second one, and the fence of `writer.py` guards less than it says."""
    with duckdb.connect() as connection:
        load_extensions(connection)
        connection.execute(f"ATTACH 'ducklake:{tmp_path}/catalogue.duckdb' AS lake (DATA_PATH '{tmp_path}/objects/')")
        connection.execute("USE lake")
        connection.execute("CALL lake.set_option('data_inlining_row_limit', 0)")
        connection.execute("CREATE TABLE numbers AS SELECT number FROM range(1000) AS numbers(number)")
        connection.execute("DELETE FROM numbers WHERE number < 100")
        with connection.cursor() as one, connection.cursor() as other:
            for transaction in (one, other):
                transaction.execute("USE lake")
                transaction.begin()
            one.execute("DELETE FROM numbers WHERE number BETWEEN 200 AND 299")
            other.execute("DELETE FROM numbers WHERE number BETWEEN 300 AND 399")
            one.commit()
            other.commit()
        scanned = "SELECT count(number), count(DISTINCT number) FROM numbers"
        rows, distinct = connection.execute(scanned).fetchall()[0]
    assert rows > distinct > 700

"""Readers of what is published, who look again and again beside everything else."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from threading import Event

from resources.warehouse.warehouse import Warehouse
from tests.support.processes import Rows


def read_tables(shown: Mapping[str, str]) -> dict[str, Rows]:
    """Read what is published of tables, some columns of each, in one transaction."""
    with closing(Warehouse()) as warehouse, warehouse.engine.open_published() as connection:
        connection.begin()
        rows = {
            table: connection.execute(f"SELECT {columns} FROM {table} ORDER BY ALL").fetchall()
            for table, columns in shown.items()
        }
        connection.commit()
        return rows


@contextmanager
def repeat(read: Callable[[], None], seconds: float) -> Iterator[None]:
    """Read over and over until the block ends, so many seconds apart; what a read raises is raised then."""
    ended = Event()

    def read_until_the_end() -> None:
        while not ended.wait(seconds):
            read()

    with ThreadPoolExecutor(1) as pool:
        reader = pool.submit(read_until_the_end)
        try:
            yield
        finally:
            ended.set()
        reader.result()

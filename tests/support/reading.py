"""Readers of what is published, who look again and again beside everything else."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event


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

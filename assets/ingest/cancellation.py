"""Cancels the extraction when the process receives a signal to end."""

import asyncio
import signal
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")


def run_until_cancelled(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine. SIGINT and SIGTERM cancel it and raise KeyboardInterrupt, even if it has ended by then.

    Dagster's own handlers raise in whatever code is running, and an error raised in a callback of the loop is lost.
    """
    signals: list[int] = []

    async def main() -> T:
        with _cancelling(asyncio.get_running_loop(), asyncio.current_task(), signals):
            return await work

    try:
        result = asyncio.run(main())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    if signals:
        raise KeyboardInterrupt
    return result


@contextmanager
def _cancelling(
    loop: asyncio.AbstractEventLoop, task: "asyncio.Task[Any] | None", signals: list[int]
) -> Iterator[None]:
    if task is None or threading.current_thread() is not threading.main_thread():
        yield
        return

    def cancel(number: int, _frame: object) -> None:
        signals.append(number)
        loop.call_soon_threadsafe(task.cancel)

    handlers = {number: signal.signal(number, cancel) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)

"""Ends what is awaited when the run is told to end."""

import asyncio
import signal
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")


def run_until_told(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine; SIGINT and SIGTERM cancel it, which raises KeyboardInterrupt.

    Dagster's own handlers raise wherever the program happens to be, and in a loop's callback that is lost.
    """

    async def main() -> T:
        with _cancelling(asyncio.get_running_loop(), asyncio.current_task()):
            return await work

    try:
        return asyncio.run(main())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


@contextmanager
def _cancelling(loop: asyncio.AbstractEventLoop, task: "asyncio.Task[Any] | None") -> Iterator[None]:
    if task is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    for each in before:
        loop.add_signal_handler(each, task.cancel)
    try:
        yield
    finally:
        for each, handler in before.items():
            loop.remove_signal_handler(each)
            signal.signal(each, handler)

"""Where answers are decoded, beside the loop that asks for them.

Small answers are decoded in threads. The interpreter lets only one thread at a time decode, so that large ones go to
other processes as soon as a few of them have come; those start while the first ones are decoded here.
"""

import asyncio
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from typing import TypeVar

T = TypeVar("T")

LARGE = 200_000
"""Bytes of an answer whose decoding takes longer than its way to another process and back."""

FEW = 3
"""So many large answers come before other processes are worth their start."""


class Decoders:
    """The threads and processes of one client."""

    def __init__(self) -> None:
        """Start with threads alone; one core stays with the loop."""
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="decode")
        self._others = (
            min(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1, 5) - 1
        )
        self._processes: ProcessPoolExecutor | None = None
        self._started: Future[None] | None = None
        self._large = 0

    async def run(self, decode: Callable[[bytes], T], body: bytes, *, in_processes: bool) -> T:
        """Decode an answer; `in_processes` says that `decode` and its result may go to another process."""
        loop = asyncio.get_running_loop()
        pool = self._pool(len(body)) if in_processes else self._threads
        try:
            return await loop.run_in_executor(pool, decode, body)
        except BrokenProcessPool:  # somebody has killed one of them, to free memory perhaps
            self._others, self._processes = 0, None
            return await loop.run_in_executor(self._threads, decode, body)

    def close(self) -> None:
        """End them all; what is still being decoded is thrown away."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        if self._processes:
            self._processes.shutdown(wait=False, cancel_futures=True)

    def _pool(self, size: int) -> Executor:
        if size < LARGE or not self._others:
            return self._threads
        self._large += 1
        if self._large == FEW:
            self._processes = ProcessPoolExecutor(self._others, get_context("spawn"), initializer=_begin)
            self._started = self._processes.submit(_nothing)
        is_ready = self._started is not None and self._started.done()
        return self._processes if self._processes and is_ready else self._threads


def _begin() -> None:
    """Prepare a process: it decodes one page at a time, leaves Ctrl-C to its parent, and ends with it."""
    os.environ["POLARS_MAX_THREADS"] = "1"
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    if parent:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)


def _nothing() -> None:
    """Run in a process to show that it has started."""

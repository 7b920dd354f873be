"""Awaits many coroutines concurrently."""

import asyncio
from collections.abc import Awaitable, Iterable
from typing import TypeVar

T = TypeVar("T")


async def gather(awaitables: Iterable[Awaitable[T]]) -> list[T]:
    """Await all concurrently and return their results in order; the first error cancels the others and is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_await(awaitable)) for awaitable in awaitables]
    except ExceptionGroup as errors:
        raise _first_error(errors) from None
    return [task.result() for task in tasks]


async def _await(awaitable: Awaitable[T]) -> T:
    return await awaitable


def _first_error(error: Exception) -> Exception:
    return _first_error(error.exceptions[0]) if isinstance(error, ExceptionGroup) else error

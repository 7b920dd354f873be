"""The client of the account that the environment names, open for one piece of work."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date
from typing import TypeVar

from resources.coupontools.account import CoupontoolsAccount
from resources.coupontools.client import Client
from resources.coupontools.endpoints import choose_endpoints
from resources.coupontools.page import Page
from resources.coupontools.requests import PageRequest, Slice

T = TypeVar("T")


def with_client(work: Callable[[Client], Awaitable[T]]) -> T:
    async def run() -> T:
        async with CoupontoolsAccount().connect() as client:
            return await work(client)

    return asyncio.run(run())


SESSIONS = choose_endpoints("")["sessions"]


def ask(campaign: str = "cam_1", start: date | None = None) -> tuple[int, Client]:
    """Read one page of sessions; returns how many records it held by its own account, and the client."""

    async def work(client: Client) -> tuple[int, Client]:
        def decode(page: Page) -> int:
            return page.records.count(b'"session":')

        return await client.read(PageRequest(Slice(SESSIONS, campaign, start), 1), decode), client

    return with_client(work)

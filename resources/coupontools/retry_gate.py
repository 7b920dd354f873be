"""Who may ask again a server that asks for fewer requests."""

import asyncio


class RetryGate:
    """A request's turn to be sent again, of which there is one: nobody else asks a busy server meanwhile.

    Requests that come back all at once would take what the server allows from each other, until some fail for good.
    """

    def __init__(self, only: asyncio.Lock) -> None:
        self._only = only
        self._is_mine = False

    async def take(self) -> None:
        """Wait for the turn."""
        if not self._is_mine:
            await self._only.acquire()
            self._is_mine = True

    async def nobody_elses(self) -> None:
        """Wait until no other request has it."""
        if not self._is_mine:
            async with self._only:
                pass

    def end(self) -> None:
        """Let the next one have it."""
        if self._is_mine:
            self._only.release()
            self._is_mine = False

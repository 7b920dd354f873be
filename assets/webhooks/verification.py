"""Verifies events whose signature does not show where they come from: asks the API, a few at a time.

How events are signed is only hinted at (API.md, section 7), so a wrong signature proves nothing: the API is asked as if
there were none. It confirms an id, and names its campaign and session: an event that names others is not the API's.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from logging import Logger

import msgspec
import polars as pl

from assets.errors import FORESEEN
from resources.coupontools.account import CoupontoolsAccount
from resources.coupontools.client import Client
from resources.coupontools.endpoints import WEBHOOK_VERIFICATION
from resources.coupontools.errors import (
    ParentNotFoundError,
    RequestError,
    ShapeError,
    UnavailableError,
    UnreachableError,
)
from resources.coupontools.gather import gather
from resources.coupontools.page import Page
from resources.coupontools.requests import PageRequest, Slice
from resources.printable import make_printable
from resources.webhooks.inbox import VERDICTS, Inbox

MAX_EVENTS_OF_A_ROUND = 25
SECONDS_OF_A_ROUND = 5.0
"""At most this many events are asked about in this many seconds: the API once tolerated five requests a second."""

SECONDS_BEFORE_ASKING_AGAIN = 60.0
MAX_ANSWERS_KEPT = 10_000
"""Answers that are kept in memory, so that nothing is asked about an event that is sent again."""

_WRONG_IDS = frozenset({200, 300, 301, 302})
"""Codes that say that the API cannot take the id (section 3.3)."""

Claim = Mapping[str, str | None]
"""The columns of an event that can be compared with what the API says of it."""


class Verifier:
    """Verifies the events that wait in an inbox."""

    def __init__(self, inbox: Inbox, make_coupontools: Callable[[], CoupontoolsAccount], log: Logger) -> None:
        """`make_coupontools` is called for each round, as a resource whose keys were refused sends no more requests."""
        self._inbox = inbox
        self._make_coupontools = make_coupontools
        self._log = log
        self._answers: dict[str, Mapping[str, object] | None] = {}
        """What the API has said of each id; None if it has sent no such event."""
        self._asked_at: dict[str, float] = {}
        self._due = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def note_waiting(self) -> None:
        """Begin a round as soon as possible; may be called from any thread."""
        if self._loop:
            self._loop.call_soon_threadsafe(self._due.set)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Verify what waits, and what comes, until the block is left."""
        self._loop = asyncio.get_running_loop()
        task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            task.cancel()

    async def _run(self) -> None:
        while True:
            began = time.monotonic()
            self._due.clear()
            try:
                asked = await self.verify_some()
            except Exception as error:  # whatever it is, later rounds may do better
                reason = str(error) if isinstance(error, (*FORESEEN, OSError)) else type(error).__name__
                self._log.warning("Events wait to be verified: %s", make_printable(reason))
                asked = 0
            if asked:
                await asyncio.sleep(max(0.0, SECONDS_OF_A_ROUND - (time.monotonic() - began)))
            else:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._due.wait(), SECONDS_BEFORE_ASKING_AGAIN)

    async def verify_some(self) -> int:
        """Verify the oldest waiting events, at most MAX_EVENTS_OF_A_ROUND; returns how many the API was asked about.

        Raises SettingsError, AccountError, UnreachableError and LimitError.
        """
        waiting = await asyncio.to_thread(self._read_waiting)
        claims = {row["event_id"]: row for rows in waiting.values() for row in rows.iter_rows(named=True)}
        unknown = [claim for name, claim in claims.items() if name not in self._answers]
        due = [claim for claim in unknown if self._is_due(claim["event_id"])][:MAX_EVENTS_OF_A_ROUND]
        if due:
            await self._ask(due)
        for file, rows in waiting.items():
            if set(rows["event_id"]) & self._answers.keys():
                await asyncio.to_thread(self._decide, file)
        while len(self._answers) > MAX_ANSWERS_KEPT:
            del self._answers[next(iter(self._answers))]
        return len(due)

    def _read_waiting(self) -> dict[str, pl.DataFrame]:
        """Read the oldest files that wait, until they hold enough for a round."""
        waiting: dict[str, pl.DataFrame] = {}
        due = 0
        for file in self._inbox.list_files("waiting"):
            rows = self._inbox.read(file)
            if rows is not None:
                waiting[file] = rows.select("event_id", "campaign_id", "session_id")
                due += sum(map(self._is_due, rows["event_id"]))
            if due >= MAX_EVENTS_OF_A_ROUND:
                break
        return waiting

    def _is_due(self, event_id: str) -> bool:
        asked_at = self._asked_at.get(event_id)
        return asked_at is None or time.monotonic() - asked_at > SECONDS_BEFORE_ASKING_AGAIN

    async def _ask(self, claims: Sequence[Claim]) -> None:
        now = time.monotonic()
        recent = {name: at for name, at in self._asked_at.items() if now - at <= SECONDS_BEFORE_ASKING_AGAIN}
        self._asked_at = recent | {str(claim["event_id"]): now for claim in claims}
        async with self._make_coupontools().connect(self._log) as client:
            await gather(self._ask_about(client, str(claim["event_id"])) for claim in claims)

    async def _ask_about(self, client: Client, event_id: str) -> None:
        """Ask about one event; it stays undecided if no answer comes that can be read."""
        try:
            self._answers[event_id] = await client.read(
                PageRequest(Slice(WEBHOOK_VERIFICATION, event_id)), _read_answer
            )
        except ParentNotFoundError:
            self._answers[event_id] = None
        except UnreachableError:
            raise
        except (RequestError, UnavailableError) as error:
            if isinstance(error, RequestError) and error.codes & _WRONG_IDS:
                self._answers[event_id] = None
            else:
                self._log.warning("%s The event waits.", error)

    def _decide(self, file: str) -> None:
        """Move the events of a file to the states that their verdicts give them."""
        with self._inbox.lock():
            rows = self._inbox.read(file)  # again: somebody may have been forgotten meanwhile
            if rows is None:
                return
            verdicts = [self._verdict(claim) for claim in rows.iter_rows(named=True)]
            self._inbox.replace(
                file,
                {
                    state: rows.filter(pl.Series([verdict is given for verdict in verdicts], dtype=pl.Boolean))
                    for state, given in VERDICTS.items()
                },
            )

    def _verdict(self, claim: Claim) -> bool | None:
        """Whether the API has sent an event; None if that is not known yet."""
        event_id = str(claim["event_id"])
        if event_id not in self._answers:
            return None
        answer = self._answers[event_id]
        return answer is not None and _confirms(answer, claim)


def _read_answer(page: Page) -> Mapping[str, object] | None:
    """Read what the API says of an event; None if it does not say that it is valid. Raises ShapeError."""
    answers = msgspec.json.decode(page.records, type=list[dict[str, object]])
    if len(answers) != 1:
        raise ShapeError
    return answers[0] if str(answers[0].get("result", "valid")).casefold() == "valid" else None


def _confirms(answer: Mapping[str, object], claim: Claim) -> bool:
    """Return whether an answer and an event agree in every id that both have."""
    named = {"webhook": claim["event_id"], "campaign": claim["campaign_id"], "session": claim["session_id"]}
    return all(
        answer.get(name) in (None, "") or value is None or str(answer[name]) == value for name, value in named.items()
    )

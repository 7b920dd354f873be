"""Two hosts that export one account into one lake, and are killed while they do."""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from resources.sandbox.account.handmade import HandmadeAccount
from resources.sandbox.server.server import SandboxServer
from resources.settings import SharedWarehouse
from resources.warehouse.lake.address import LakeAddress
from resources.warehouse.lake.session import Session
from resources.warehouse.lake.writer import WRITER
from tests.support.forked import Forked
from tests.support.processes import SHOWN, State, expected, revise, start_export
from tests.support.reading import read_tables, repeat

PUBLISHES = "Writing the database"
"""How the line of the log begins with which a command publishes."""

SECONDS_BETWEEN_READS = 1.0
PHASES = ("read", "merge", "publish")


@dataclass
class KilledHosts:
    """The hosts, with folders of their own below `folder`, and what was seen of them."""

    folder: Path
    account: HandmadeAccount
    server: SandboxServer
    chance: random.Random
    revision: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    """How many processes were killed in each phase; some end before their moment comes."""
    reads: Counter[int] = field(default_factory=Counter)
    """How often a reader has found each revision, complete in all tables."""
    torn: list[State] = field(default_factory=list)
    """What a reader has found that is no revision."""

    def begin(self) -> None:
        """Export the first revision."""
        self._revise()
        self._export("one").finish()

    def kill_in(self, phase: str) -> None:
        """Change everything, kill a host while it exports that, and let the other one export: all of it is there."""
        self._revise()
        victim, other = self.chance.sample(("one", "two"), 2)
        process = self._export(victim)
        moment = getattr(self, f"_in_{phase}")(process)
        while not (moment() or process.has_ended):
            time.sleep(0.002)
        if not process.has_ended:
            self.kills[phase] += 1
        process.kill()
        self._export(other).finish()
        assert in_lake() == expected(self.revision)

    @contextmanager
    def read_in_a_loop(self) -> Iterator[None]:
        """Read all tables over and over, in one transaction each time, as an analyst's query over several does."""

        def read() -> None:
            state = in_lake()
            known = [number for number in range(1, self.revision + 1) if state == expected(number)]
            self.reads.update(known)
            self.torn += [] if known else [state]

        with repeat(read, SECONDS_BETWEEN_READS):
            yield

    def _revise(self) -> None:
        self.revision += 1
        revise(self.account, self.revision)

    def _export(self, host: str) -> Forked:
        return start_export(self.folder / host)

    def _in_read(self, _process: Forked) -> Callable[[], bool]:
        wanted = len(self.server.requests) + self.chance.randrange(1, 40)
        return lambda: len(self.server.requests) >= wanted

    def _in_merge(self, _process: Forked) -> Callable[[], bool]:
        """While the writer lock is held, by the merge of whichever table it is then."""
        holds, session = self.chance.randrange(20, 600), Session(LakeAddress.of(SharedWarehouse.read()))

        def is_reached() -> bool:
            nonlocal holds
            holds -= session.is_held(WRITER)
            return holds <= 0

        return is_reached

    def _in_publish(self, process: Forked) -> Callable[[], bool]:
        wait, begun = self.chance.uniform(0, 1.5), 0.0

        def is_reached() -> bool:
            nonlocal begun
            if not begun and PUBLISHES in process.said:
                begun = time.monotonic()
            return bool(begun) and time.monotonic() >= begun + wait

        return is_reached


def in_lake() -> State:
    """What is published, all tables of one moment."""
    return State(read_tables(SHOWN))

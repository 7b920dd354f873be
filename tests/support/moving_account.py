"""An account that changes while its lists are read."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from resources.sandbox.account.account import SessionQuery
from resources.sandbox.account.handmade import HandmadeAccount
from resources.sandbox.account.overlay import Table


class MovingAccount(HandmadeAccount):
    """An account that changes right after certain answers: `after[n]` is what follows the n-th answer of a list."""

    def __init__(self, list_name: str, *arguments: Any, **tables: Any) -> None:
        super().__init__(*arguments, **tables)
        self.list_name, self.answered = list_name, 0
        self.after: dict[int, Callable[[], None]] = {}

    def rows(self, table: Table, parent: str, now: datetime) -> Any:
        records = super().rows(table, parent, now)
        self._answer(table)
        return records

    def sessions(self, campaign_id: str, query: SessionQuery, now: datetime) -> Any:
        records = super().sessions(campaign_id, query, now)
        self._answer(query.kind)
        return records

    def _answer(self, name: str) -> None:
        if name == self.list_name:
            self.answered += 1
            self.after.pop(self.answered, lambda: None)()

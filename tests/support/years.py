"""A year of days in an account of which every record says in which revision it was read, in ranges of days."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from resources.sandbox.account.handmade import HandmadeAccount
from tests.support.accounts import campaign, registration, session
from tests.support.processes import Rows

CAMPAIGNS = 6
DAYS_OF_A_RANGE = 31
"""What one run reads."""

_START = datetime(2025, 1, 1)
SHOWN = {
    "coupon_sessions": "session_id, custom_id",
    "coupon_session_changes": "session_id, is_locked_after::VARCHAR",
    "directory_registrations": "registration_id, first_name",
}
"""What is compared of each table."""


@dataclass(frozen=True)
class Year:
    """An account with a session of each campaign, and a registration, on each of so many days."""

    days: int

    @property
    def partitions(self) -> list[str]:
        """All days."""
        return [str((_START + timedelta(days=day)).date()) for day in range(self.days)]

    @property
    def bounds(self) -> tuple[date, date]:
        """The first and the last day."""
        return _START.date(), _START.date() + timedelta(days=self.days - 1)

    @property
    def ranges(self) -> list[range]:
        """The days of each run, counted from the first one."""
        starts = range(0, self.days, DAYS_OF_A_RANGE)
        return [range(start, min(start + DAYS_OF_A_RANGE, self.days)) for start in starts]

    def revise(self, account: HandmadeAccount, revision: int) -> None:
        """Change every record: of a session also whether it is locked, which the table of changes keeps."""
        mark, locked = f"r{revision}", {"locked": str(revision % 2)}
        moments = [(day, _START + timedelta(days=day)) for day in range(self.days)]
        for number in range(CAMPAIGNS):
            account.put_campaign(campaign(number, title=mark))
            sessions = [
                session(_number(number, day), created=moment, customid=mark, status=locked) for day, moment in moments
            ]
            account.set_sessions(f"cam_{number}", sessions)
        account.set_records("directories", [{"ID": "dir_0", "code": "c0", "name": mark}])
        people = [registration(day, moment, first_name=mark) for day, moment in moments]
        account.set_records("registrations", people, "dir_0")

    def expected(self, days: range, revision: int) -> Mapping[str, Rows]:
        """The rows of some days in each table; of the changes those of all revisions up to this one."""
        sessions = [f"s{_number(number, day):020}" for number in range(CAMPAIGNS) for day in days]
        locked = [str(number % 2 == 1).lower() for number in range(2, revision + 1)]
        rows: dict[str, Rows] = {
            "coupon_sessions": [(name, f"r{revision}") for name in sessions],
            "coupon_session_changes": [(name, after) for name in sessions for after in locked],
            "directory_registrations": [(f"reg_{day}", f"r{revision}") for day in days],
        }
        return {table: sorted(rows_of_table) if revision else [] for table, rows_of_table in rows.items()}

    def revisions(self, rows: Mapping[str, Rows]) -> list[tuple[int, int]] | None:
        """In which revision each range is that was read, of the sessions and of the registrations.

        None if a range is there in part, or twice, or if the changes are not those of its sessions.
        """
        seen = []
        for days in self.ranges:
            of_days = {table: [row for row in rows[table] if _day_of(row[0]) in days] for table in rows}
            sessions, people = (_revision_of(of_days[name]) for name in ("coupon_sessions", "directory_registrations"))
            people_then = self.expected(days, people)["directory_registrations"]
            whole = {**self.expected(days, sessions), "directory_registrations": people_then}
            if {table: sorted(rows_of_table) for table, rows_of_table in of_days.items()} != whole:
                return None
            seen.append((sessions, people))
        return seen


def _number(campaign_number: int, day: int) -> int:
    return 1000 * campaign_number + day


def _day_of(name: str) -> int:
    return int(name.removeprefix("reg_").removeprefix("s")) % 1000


def _revision_of(rows: Rows) -> int:
    """The newest revision of some rows; 0 if there are none."""
    return max((int(row[-1].removeprefix("r")) for row in rows), default=0)

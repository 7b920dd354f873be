"""The pages of a benchmark: those of the sandbox's account, written out once, so that no server is slow."""

import shutil
import sys
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from resources.sandbox.account.account import SessionQuery
from resources.sandbox.generated.account import GeneratedAccount

RECORDS_OF_A_PAGE = 5000
NOW = datetime(2026, 11, 1)
CAMPAIGN_LIST = "list.json"


def write_pages(rows: int, folder: Path, campaigns: int = 20) -> None:
    """Write `<campaign>_<page>.json` for so many sessions of some campaigns, and the list of the campaigns."""
    account, unfinished = GeneratedAccount(sessions=rows, campaigns=campaigns), folder.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    left, listed = rows, []
    # the account goes on at its pace until there are enough
    now = NOW + timedelta(days=30)
    for campaign in account.campaigns(now):
        sessions = account.sessions(campaign.campaign_id, SessionQuery(), now)
        total = min(left, sessions.total)
        left -= total
        listed.append(dict(campaign.record))
        for number, offset in enumerate(range(0, total, RECORDS_OF_A_PAGE), 1):
            size, records = sessions.encode(offset, min(RECORDS_OF_A_PAGE, total - offset))
            page = b'{"status":{"status":"OK"},"amount_of_results":"%d","data":%b}' % (size, records)
            (unfinished / f"{campaign.campaign_id}_{number}.json").write_bytes(page)
    if left:
        raise ValueError(f"the account has {left:,} sessions less than {rows:,}")
    envelope = {"status": {"status": "OK"}, "coupon_info": listed}
    (unfinished / CAMPAIGN_LIST).write_bytes(msgspec.json.encode(envelope))
    unfinished.rename(folder)


if __name__ == "__main__":
    write_pages(int(sys.argv[1]), Path(sys.argv[2]))

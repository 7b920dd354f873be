"""Files of events: there completely or not at all, found by what is known of them, and bounded."""

from pathlib import Path

import polars as pl
import pytest

from resources.warehouse.errors import WarehouseError
from resources.webhooks import inbox as module
from resources.webhooks.inbox import FullError, Inbox


@pytest.fixture
def inbox(tmp_path: Path) -> Inbox:
    made = Inbox(tmp_path / "inbox")
    made.make()
    return made


def ids(inbox: Inbox, *states: module.State) -> list[str]:
    frames = [inbox.read(name) for name in inbox.list_files(*states)]
    return [event_id for frame in frames if frame is not None for event_id in frame["event_id"]]


def events(*names: str) -> pl.DataFrame:
    return pl.DataFrame({"event_id": names}, {"event_id": pl.String})


def test_events_are_found_by_their_state_in_the_order_in_which_they_came(inbox: Inbox) -> None:
    with inbox.lock():
        inbox.add({"verified": events("1", "2"), "waiting": events("3"), "refused": events()})
        inbox.add({"verified": events("4")})
    assert ids(inbox, "verified") == ["1", "2", "4"]
    assert ids(inbox, "waiting", "refused") == ["3"]
    assert sorted(ids(inbox)) == ["1", "2", "3", "4"]


def test_an_event_that_is_decided_moves_to_its_state(inbox: Inbox) -> None:
    with inbox.lock():
        inbox.add({"waiting": events("1", "2")})
        (name,) = inbox.list_files("waiting")
        inbox.replace(name, {"verified": events("1"), "waiting": events("2")})
    assert ids(inbox, "verified") == ["1"]
    assert ids(inbox, "waiting") == ["2"]
    assert inbox.read(name) is None


def test_what_a_killed_receiver_has_left_half_written_is_deleted_and_never_read(tmp_path: Path, inbox: Inbox) -> None:
    (tmp_path / "inbox" / "1-2-3.verified.parquet.tmp").write_bytes(b"PAR1")
    assert ids(inbox) == []
    inbox.make()
    assert {path.name for path in (tmp_path / "inbox").iterdir()} == {"lock"}


def test_a_damaged_file_is_named_with_what_to_do(tmp_path: Path, inbox: Inbox) -> None:
    with inbox.lock():
        inbox.add({"verified": events("1")})
    (name,) = inbox.list_files()
    file = tmp_path / "inbox" / name
    file.write_bytes(file.read_bytes()[:-50])
    with pytest.raises(WarehouseError, match=f"^The file {file}, in which events of webhooks wait, is damaged: delete"):
        inbox.read(name)


def test_nobody_else_can_read_what_waits(tmp_path: Path, inbox: Inbox) -> None:
    with inbox.lock():
        inbox.add({"verified": events("1")})
    modes = {path.stat().st_mode & 0o077 for path in [tmp_path / "inbox", *(tmp_path / "inbox").iterdir()]}
    assert modes == {0}


@pytest.mark.parametrize(("bound", "limit", "files"), [("MAX_FILES", 2, 2), ("MAX_BYTES", 1, 1)])
def test_a_full_inbox_takes_nothing_until_some_of_it_is_merged(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch, bound: str, limit: int, files: int
) -> None:
    monkeypatch.setattr(module, bound, limit)
    monkeypatch.setattr(module, "SECONDS_BETWEEN_COUNTS", 0)
    with inbox.lock():
        for number in range(files):
            inbox.add({"verified": events(str(number))})
        with pytest.raises(FullError, match="wait to be merged"):
            inbox.add({"verified": events("too many")})
    assert ids(inbox) == [str(number) for number in range(files)]
    inbox.remove(inbox.list_files())
    with inbox.lock():
        inbox.add({"verified": events("again")})
    assert ids(inbox) == ["again"]


def test_nothing_is_there_before_anything_was_received(tmp_path: Path) -> None:
    empty = Inbox(tmp_path / "nowhere")
    assert not empty.exists()
    assert empty.list_files() == []

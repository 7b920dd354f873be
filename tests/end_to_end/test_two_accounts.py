"""Two accounts never meet in one folder."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import click
import dagster as dg
import pytest

from assets.errors import FORESEEN
from pipelines.adopt import adopt
from pipelines.demo import run_demo
from pipelines.export import export_days
from pipelines.sensors import loyalty_card_partitions
from resources.account_fingerprint import account_of
from resources.coupontools.resource import CoupontoolsResource
from resources.sandbox.account.handmade import HandmadeAccount
from resources.sandbox.generated.account import GeneratedAccount
from resources.sandbox.server.server import SandboxServer
from resources.warehouse.resource import WarehouseResource
from tests.support.accounts import account, campaign
from tests.support.processes import FROM, TO
from tests.support.queries import in_database
from tests.support.runs import export_only
from tests.support.table_assets import campaigns

ADDRESS = "https://api.coupontools.com"


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[SandboxServer]]:
    """The first account, which is exported, and two others: at another address, and with other keys there."""
    with ExitStack() as running:
        own = running.enter_context(SandboxServer(account({1: 3}), client_id="ours"))
        others = [
            running.enter_context(SandboxServer(HandmadeAccount([campaign(2)]), client_id=client_id))
            for client_id in ("ours", "theirs")
        ]
        name(monkeypatch, own)
        export_only(campaigns)
        yield [own, *others]


def name(monkeypatch: pytest.MonkeyPatch, server: SandboxServer) -> None:
    monkeypatch.setenv("COUPONTOOLS_API_URL", server.url)
    monkeypatch.setenv("COUPONTOOLS_CLIENT_ID", server.client_id)
    monkeypatch.setenv("COUPONTOOLS_CLIENT_SECRET", server.client_secret)


def refusal() -> str:
    with pytest.raises(FORESEEN) as refused:
        export_only(campaigns)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def known_campaigns(data_dir: Path) -> list[tuple[object, ...]]:
    return in_database(data_dir, "SELECT campaign_id, _deleted_at FROM campaigns")


@pytest.mark.parametrize("lost", ["nothing", "stage", "stage and database", "note"])
def test_another_account_is_refused_in_one_line_before_it_is_asked_anything(
    servers: list[SandboxServer], data_dir: Path, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    if lost.startswith("stage"):
        shutil.rmtree(data_dir / ".state")
    if lost.endswith("database"):
        (data_dir / "coupontools.duckdb").unlink()
    if lost == "note":
        (data_dir / ".origin.json").unlink()
    for other in servers[1:]:
        name(monkeypatch, other)
        message = refusal()
        assert message.startswith(f"The folder {data_dir} holds the rows of another account: set COUPONTOOLS_DATA_DIR")
        assert "coupontools adopt" in message
        assert other.url not in message
        assert not list(other.requests)
    name(monkeypatch, servers[0])
    requests = len(list(servers[0].requests))
    monkeypatch.setenv("COUPONTOOLS_CLIENT_ID", "theirs")
    assert "another account" in refusal()
    assert len(list(servers[0].requests)) == requests
    name(monkeypatch, servers[0])
    export_only(campaigns)
    assert known_campaigns(data_dir) == [("cam_1", None)]


def test_new_keys_of_the_same_account_are_adopted(
    servers: list[SandboxServer], data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name(monkeypatch, servers[2])
    adopt()
    export_only(campaigns)
    assert {row[0] for row in known_campaigns(data_dir)} == {"cam_1", "cam_2"}
    name(monkeypatch, servers[0])
    assert "another account" in refusal()


def test_a_note_that_cannot_be_read_is_reported_and_written_anew_by_adopt(
    servers: list[SandboxServer], data_dir: Path
) -> None:
    del servers
    (data_dir / ".origin.json").write_bytes(b"")
    shutil.rmtree(data_dir / ".state")
    assert "run coupontools adopt, which rewrites it" in refusal()
    adopt()
    export_only(campaigns)
    assert known_campaigns(data_dir) == [("cam_1", None)]


def test_a_folder_without_rows_has_no_account_to_adopt(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUPONTOOLS_API_URL", ADDRESS)
    monkeypatch.setenv("COUPONTOOLS_CLIENT_ID", "ours")
    monkeypatch.setenv("COUPONTOOLS_CLIENT_SECRET", "hush")
    with pytest.raises(click.ClickException, match="holds no rows yet"):
        adopt()
    assert not data_dir.exists()


def test_a_demo_and_the_sandbox_are_refused_where_an_account_is_and_nowhere_adopted(
    servers: list[SandboxServer], data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del servers
    for variable in ("API_URL", "CLIENT_ID", "CLIENT_SECRET"):  # which the demo sets for its process
        monkeypatch.setenv(f"COUPONTOOLS_{variable}", "")
    with pytest.raises(click.ClickException, match="rows of an account, which must not mix with those of a demo"):
        run_demo(sessions=100, seed=1, ui_port=None)
    monkeypatch.setenv("COUPONTOOLS_API_URL", "sandbox")
    with pytest.raises(click.ClickException) as refused:
        export_days(FROM, TO)
    assert "holds the rows of an account, which must not mix with those of the sandbox" in refused.value.message
    assert "\n" not in refused.value.message, "all assets say it once"
    with pytest.raises(click.ClickException, match="those of the sandbox"):
        adopt()
    assert known_campaigns(data_dir) == [("cam_1", None)]


def test_a_demo_on_the_same_folder_twice_is_the_same_and_no_account_gets_in(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("API_URL", "CLIENT_ID", "CLIENT_SECRET"):
        monkeypatch.setenv(f"COUPONTOOLS_{variable}", "")
    monkeypatch.setattr("pipelines.demo.GeneratedAccount", partial(GeneratedAccount, campaigns=4))
    for _ in range(2):  # each at a free port of its own
        run_demo(sessions=100, seed=1, ui_port=None)
    with pytest.raises(click.ClickException, match="of a demo, which must not mix with those of another demo"):
        run_demo(sessions=100, seed=2, ui_port=None)
    with SandboxServer(account({1: 3})) as server:
        name(monkeypatch, server)
        assert "holds the rows of a demo, which must not mix with those of an account" in refusal()
        with pytest.raises(click.ClickException, match="holds the rows of a demo"):
            adopt()
        assert not list(server.requests)
    assert in_database(data_dir, "SELECT count(*) FROM campaigns") == [(4,)]


def test_the_sensor_asks_no_other_account_for_its_cards(
    servers: list[SandboxServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    name(monkeypatch, servers[2])
    resources = {"coupontools": CoupontoolsResource(), "warehouse": WarehouseResource()}
    with (
        dg.DagsterInstance.ephemeral() as instance,
        dg.build_sensor_context(instance, resources=resources) as context,
    ):
        skipped = loyalty_card_partitions(context)
    assert isinstance(skipped, dg.SkipReason)
    assert "another account" in str(skipped.skip_message)
    assert not list(servers[2].requests)


@pytest.mark.parametrize(
    ("url", "is_the_same"),
    [
        ("HTTPS://API.Coupontools.com", True),
        (f"{ADDRESS}/", True),
        (f"{ADDRESS}:443", True),
        (f"{ADDRESS}:444", False),
        ("http://api.coupontools.com", False),
        (f"{ADDRESS}/other", False),
        ("https://api4coupons.com", False),
    ],
)
def test_an_address_is_the_same_where_it_certainly_leads_to_the_same(url: str, is_the_same: bool) -> None:
    assert (account_of(url, "ours") == account_of(ADDRESS, "ours")) == is_the_same
    assert account_of(url, "ours") != account_of(url, "Ours")


def test_a_fingerprint_shows_neither_address_nor_client_id() -> None:
    fingerprint = account_of(ADDRESS, "ours-and-nobody-elses")
    assert not any(part in fingerprint for part in ("coupontools", "ours", "http"))

"""Whoever is forgotten on one host is kept out on all."""

from contextlib import closing
from pathlib import Path

import pytest

pytest.importorskip("psycopg", reason="run it with uv run --group cluster pytest tests/cluster")

from pipelines.cluster.services import Services
from pipelines.forget import forget
from resources.sandbox.account.handmade import HandmadeAccount
from resources.warehouse.warehouse import Warehouse
from tests.conftest import Serve
from tests.support.accounts import campaign, session
from tests.support.lakes import make_lake, read_everything
from tests.support.runs import export_only
from tests.support.table_assets import campaigns, coupon_sessions

ANN, BO = "ann@example.com", "bo@example.com"


def test_a_person_who_is_forgotten_on_one_host_does_not_come_back_through_another(
    serve: Serve, services: Services, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    people = [session(number, user={"email": email}) for number, email in enumerate((ANN, BO))]
    serve(HandmadeAccount([campaign(1)], {"cam_1": people}))
    for name, value in make_lake(services).items():
        monkeypatch.setenv(name, value)
    for host in ("one", "two", "one"):
        monkeypatch.setenv("COUPONTOOLS_DATA_DIR", str(tmp_path / host))
        if host == "two":
            forget([ANN], [])
        else:
            export_only(campaigns, coupon_sessions, full=True)
    with closing(Warehouse()) as warehouse, warehouse.engine.open_published() as connection:
        emails = connection.execute("SELECT email FROM coupon_sessions ORDER BY session_id").fetchall()
    assert emails == [(None,), (BO,)]
    assert [place for place, text in read_everything() if ANN in text] == []

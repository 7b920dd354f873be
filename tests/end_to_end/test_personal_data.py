"""Personal data: kept, hashed, dropped, and forgotten; every byte that is written is looked at."""

import shutil
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import date
from functools import cache
from io import StringIO
from pathlib import Path

import dagster as dg
import duckdb
import polars as pl
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from assets.errors import FORESEEN
from assets.ingest.personal_data import Redactor
from assets.published_database import published_database
from assets.tables.coupon_sessions import CouponSession
from assets.tables.quarantine import Quarantine
from pipelines.cli import app
from pipelines.definitions import defs
from pipelines.export import export_days
from resources.account_fingerprint import ACCOUNT
from resources.sandbox.account.handmade import HandmadeAccount
from resources.sandbox.server.faults import Fault
from resources.settings import PersonalData
from resources.warehouse.admission import adopt
from resources.warehouse.batch import BatchKey, CompletedSlice, SliceKey
from resources.warehouse.batches import open_batch
from resources.warehouse.merge import MergePlan, merge
from resources.warehouse.origin import Origin
from resources.warehouse.suppression import NOBODY
from resources.warehouse.warehouse import Warehouse
from tests.conftest import Serve
from tests.support.accounts import campaign, loyalty_user, registration, session
from tests.support.examples import examples
from tests.support.forked import start_command
from tests.support.marts import in_marts
from tests.support.queries import in_database
from tests.support.runs import export_only, export_sessions, ingest_only, served
from tests.support.table_assets import campaigns, coupon_sessions, directory_registrations, loyalty_users, sms_contacts

DAYS = date(2026, 1, 1), date(2026, 3, 31)
PERIOD = {"start": str(DAYS[0]), "end": str(DAYS[1])}
ABOUT_PEOPLE = (coupon_sessions, loyalty_users, directory_registrations, sms_contacts)
"""The assets whose tables are about people."""
KEY = "a secret that nobody knows"
EMAIL, PHONE, NAME = "Zoe.Planted@Example.com", "+32 470 11 22 33", "Plantedname"
PLANTED = (EMAIL, PHONE, NAME, "470112233", "zoe.planted")
SHA256 = 64
CHANGES_KEPT = (2, 1)
USAGE_ERROR = 2
Export = Callable[[str], "Exported"]


def planted_account() -> HandmadeAccount:
    person = {"email": EMAIL, "phone": PHONE, "firstname": NAME}
    return HandmadeAccount(
        [campaign(1)],
        {
            "cam_1": [
                session(1, user=person, customid=NAME, status={"customid": EMAIL}),
                session(2, user={"email": "else@example.org"}, undeclared={"who": EMAIL, f"of {EMAIL}": NAME}),
                session(3, created="tomorrow", user=person),
                session(5, created=EMAIL, status={"claimed": NAME}),
                session(6, user={"phone": "0032 (0)470-112233"}),
                session(4, user={"email": f" {EMAIL.upper()} "}),
            ]
        },
        loyalty_cards=[{"id": 7, "name": "Club"}],
        loyalty_users={
            "7": [
                loyalty_user(1, email=EMAIL, phone="", first_name=NAME),
                loyalty_user(2),
                loyalty_user(3, points=PHONE, birthday=NAME),
            ]
        },
        directories=[{"ID": "dir_1", "name": "Free"}],
        registrations={"dir_1": [registration(1, "2026-01-02 12:00:00", email=EMAIL, phone=PHONE, first_name=NAME)]},
        sms_groups=[{"ID": "gro_1", "name": "Group"}],
        sms_contacts={"gro_1": [{"phone": PHONE, "first_name": NAME}, {"phone": "+3211"}]},
    )


@dataclass(frozen=True)
class Exported:
    """A folder with all that an export of the planted account writes, and what it printed."""

    folder: Path
    account: HandmadeAccount
    printed: str

    def copy_to(self, data_dir: Path) -> None:
        shutil.copytree(self.folder, data_dir, symlinks=True)


def use_policy(policy: str) -> dict[str, str]:
    """The settings of a policy for personal data."""
    return {"COUPONTOOLS_PERSONAL_DATA": policy, "COUPONTOOLS_PERSONAL_DATA_KEY": KEY}


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Export:
    """Read the planted account under a policy, and export it when people's sessions and cards have changed; once."""

    @cache
    def export(policy: str) -> Exported:
        account, folder, printed = planted_account(), tmp_path_factory.mktemp(policy) / "data", StringIO()
        person = {"email": EMAIL, "phone": PHONE, "firstname": NAME}
        with served(account, folder, **use_policy(policy)), redirect_stdout(printed), redirect_stderr(printed):
            ingest_only(*ABOUT_PEOPLE, **PERIOD)
            for number in (1, 4):
                void = session(number, user=person, customid=NAME, status={"voided": "1", "customid": EMAIL})
                account.replace_session(f"s{number:020}", void)
            user = loyalty_user(1, points="99", email=EMAIL, phone="", first_name=NAME)
            account.put_record("loyalty_users", user, "7")
            export_days(*DAYS)
        # each test serves the account at an address of its own: the first that comes takes the folder over
        adopt(Warehouse(folder).engine, Origin(ACCOUNT))
        assert changes_kept(folder) == CHANGES_KEPT
        return Exported(folder, account, printed.getvalue())

    return export


def changes_kept(data_dir: Path) -> tuple[int, int]:
    """The numbers of rows in the tables of changes."""
    ((sessions,),) = in_database(data_dir, "SELECT count(*) FROM coupon_session_changes WHERE is_voided_after")
    ((users,),) = in_database(data_dir, "SELECT count(*) FROM loyalty_user_changes WHERE points_after = 99")
    return sessions, users


def places_of(data_dir: Path, texts: Sequence[str] = PLANTED) -> set[str]:
    """Where any of the texts stands, in any case: in a file's bytes, or in what DuckDB reads of tables and views."""
    lowered = [text.lower() for text in texts]
    places = set()
    with duckdb.connect() as connection:
        for path in (path for path in data_dir.rglob("*") if path.is_file() and not path.is_symlink()):
            read = path.read_bytes().decode("latin-1")
            if path.suffix == ".parquet":
                read += str(connection.execute(f"FROM read_parquet('{path}', hive_partitioning = false)").fetchall())
            elif path.suffix == ".duckdb":
                connection.execute(f"ATTACH '{path}' AS looked (READ_ONLY)")
                tables = (
                    "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = 'looked' UNION ALL "
                    "SELECT schema_name, view_name FROM duckdb_views() WHERE database_name = 'looked' AND NOT internal"
                )
                for schema, table in connection.execute(tables).fetchall():
                    read += str(connection.execute(f'FROM looked."{schema}"."{table}"').fetchall())
                connection.execute("DETACH looked")
            read = read.lower()
            if any(text in read for text in lowered):
                places.add(str(path.relative_to(data_dir)))
    return places


def test_what_is_kept_is_found(exported: Export) -> None:
    folder = exported("keep").folder
    published = str((folder / "coupontools.duckdb").resolve().relative_to(folder.resolve()))
    assert {".state/stage.duckdb", published} <= places_of(folder)


@pytest.mark.parametrize("policy", ["hash", "drop"])
def test_no_byte_that_is_written_shows_a_person(exported: Export, policy: str) -> None:
    folder, printed = exported(policy).folder, exported(policy).printed
    assert places_of(folder) == set()
    assert "coupon_sessions: " in printed
    assert not any(text in printed for text in PLANTED)
    assert in_database(folder, "SELECT count(*) FROM coupon_sessions") == [(4,)]
    assert in_database(folder, "SELECT count(*), count(DISTINCT phone) FROM sms_contacts") == [(2, 2)]
    assert in_database(folder, "SELECT json_keys(_extra) FROM coupon_sessions WHERE session_id LIKE '%2'") == [
        (["undeclared"],)
    ]
    assert in_database(folder, "SELECT count(DISTINCT record) FROM quarantine") == [(3,)]


def test_dagster_keeps_neither_a_person_nor_a_key(
    serve: Serve, data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name, value in use_policy("hash").items():
        monkeypatch.setenv(name, value)
    server = serve(planted_account())
    home = tmp_path / "home"
    home.mkdir()
    job = defs.resolve_implicit_global_asset_job_def()
    with dg.instance_for_test(temp_dir=str(home)) as instance:
        days = {"config": {"start": "2026-01-01", "end": "2026-03-31"}}
        windowed = {"ops": {"coupon_sessions": days, "directory_registrations": days}}
        selected = [key for asset in (*ABOUT_PEOPLE, published_database) for key in asset.keys]
        assert job.execute_in_process(windowed, instance=instance, asset_selection=selected).success
        monkeypatch.setenv("COUPONTOOLS_CLIENT_SECRET", "wrong-but-secret")
        selected = [*campaigns.keys]
        assert not job.execute_in_process(instance=instance, asset_selection=selected, raise_on_error=False).success
        keys = (server.client_id, server.client_secret, "wrong-but-secret", KEY)
        assert len(list(home.rglob("*.db"))) > 1
        said = capfd.readouterr().err
        assert "coupon_sessions" in said
        assert not any(text in said for text in (*PLANTED, *keys))
        assert places_of(home, (*PLANTED, *keys)) == set()
        assert places_of(data_dir, (*PLANTED, *keys)) == set()


def test_hashes_join_however_an_address_is_written(exported: Export) -> None:
    folder = exported("hash").folder
    joined = (
        "SELECT DISTINCT length(email), length(s.first_name) FROM coupon_sessions s JOIN loyalty_users USING (email) "
        "JOIN directory_registrations USING (email) WHERE s.first_name IS NOT NULL"
    )
    assert in_database(folder, joined) == [(SHA256, SHA256)]
    customers = "SELECT sessions, loyalty_cards, directory_registrations FROM marts.customers ORDER BY 1 DESC LIMIT 1"
    assert in_database(folder, customers) == [(2, 1, 1)]


PEOPLE = st.tuples(
    st.sampled_from(
        [None, "", " ", "zoe@x.be", " Zoe@X.be\u00a0", "n/a", "N/A", "@", "Zoe <zoe@x.be>", "+32470112233"]
    ),
    st.sampled_from(
        [None, "", "+32470112233", "0032 (0)470/112233", "0470112233", "+470112233", "unknown", "-", "tel. 0470112233"]
    ),
)


@given(st.lists(PEOPLE, max_size=12))
@examples(8)
def test_as_many_customers_are_counted_whether_they_are_kept_or_hashed(people: list[tuple[str, str]]) -> None:
    empty = CouponSession.schema_of_frames().to_frame()
    named = pl.DataFrame(people, {"email": pl.String, "phone": pl.String}, orient="row")
    rows = pl.concat([empty, named], how="diagonal")
    policy = PersonalData(personal_data="hash", personal_data_key=SecretStr(KEY))
    redactor = Redactor.over(CouponSession, policy, NOBODY)
    assert redactor
    hashed, _, _ = redactor.redact(rows, Quarantine.schema_of_frames().to_frame(), rows.clear())
    assert customers_of(rows) == customers_of(hashed)


def customers_of(sessions: pl.DataFrame) -> list[int]:
    """The sessions of each customer, in order."""
    contacts = sessions.select("email", "phone").to_dicts()
    counts = in_marts("SELECT sessions FROM marts.customers ORDER BY 1", coupon_sessions=contacts)
    return [sessions for (sessions,) in counts]


def test_rows_under_another_policy_never_mix(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(planted_account())
    export_only(campaigns)
    monkeypatch.setenv("COUPONTOOLS_PERSONAL_DATA", "drop")
    with pytest.raises(FORESEEN, match="must not mix"):
        export_only(campaigns)
    monkeypatch.setenv("COUPONTOOLS_PERSONAL_DATA", "hash")
    with pytest.raises(FORESEEN, match="COUPONTOOLS_PERSONAL_DATA_KEY is not set"):
        export_only(campaigns)


@pytest.mark.parametrize("policy", ["keep", "hash"])
def test_who_is_forgotten_is_erased_and_stays_out(
    exported: Export, serve: Serve, data_dir: Path, policy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in use_policy(policy).items():
        monkeypatch.setenv(name, value)
    exported(policy).copy_to(data_dir)
    serve(exported(policy).account)
    done = CliRunner().invoke(app, ["forget", "--email", f" {EMAIL.lower()}", "--phone", "+32 (0)470 11.22.33"])
    assert done.exit_code == 0, done.output
    assert "4 in coupon_sessions" in done.output
    assert places_of(data_dir) == set()
    counts = "SELECT count(*), count(email) FROM coupon_sessions"
    assert in_database(data_dir, counts) == [(4, 1)]
    assert in_database(data_dir, "SELECT count(*) FROM sms_contacts") == [(1,)]
    export_only(*ABOUT_PEOPLE, full=True)
    assert places_of(data_dir) == set()
    assert changes_kept(data_dir) == CHANGES_KEPT
    assert in_database(data_dir, counts) == [(4, 1)]
    assert in_database(data_dir, "SELECT count(*) FROM sms_contacts WHERE _deleted_at IS NULL") == [(1,)]
    assert in_database(data_dir, "SELECT count(*) FROM quarantine") == [(0,)]
    assert (data_dir / ".forgotten.json").stat().st_mode & 0o777 == 0o600


def test_who_is_forgotten_while_a_run_reads_does_not_come_back_with_it(serve: Serve, data_dir: Path) -> None:
    server, outputs = serve(planted_account()), list[str]()
    export_only(*ABOUT_PEOPLE, **PERIOD)

    def forget(_parameters: object) -> bool:
        if not outputs:
            outputs.append(start_command(data_dir, "forget", "--email", EMAIL, "--phone", PHONE).finish())
        return False

    server.faults.add(Fault("500", "v3/campaign/data", when=forget))
    export_only(*ABOUT_PEOPLE, **PERIOD)
    assert outputs == [""]
    assert places_of(data_dir) == set()
    assert in_database(data_dir, "SELECT count(*), count(email) FROM coupon_sessions") == [(4, 1)]


def test_field_names_that_name_somebody_are_not_shown(
    serve: Serve, data_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    serve(HandmadeAccount([campaign(1)], {"cam_1": [session(1) | {EMAIL: 1, "shoes": 43}]}))
    export_sessions(*DAYS)
    assert "fields without a column are kept in _extra: (an address or a number), shoes" in caplog.text
    assert EMAIL not in caplog.text
    assert EMAIL in str(in_database(data_dir, "SELECT _extra FROM coupon_sessions"))


@pytest.mark.parametrize(
    "arguments",
    [
        ["--email", "e"],
        ["--email", "@"],
        ["--email", "@example.com"],
        ["--email", "zoe@example"],
        ["--email", "zo\udceb@example.com"],
        ["--email", "zoe@example.com, bob@example.com"],
        ["--email", PHONE],
        ["--email", ""],
        ["--phone", EMAIL],
        ["--phone", "112"],
        ["--phone", "+32 470 11 22 33 44 55 66"],
        ["--phone", "x470112233"],
        ["--phone", "0" * 64],
        ["--email", EMAIL, "--phone", " "],
        [],
        ["--stdin"],
    ],
)
def test_what_is_no_address_and_no_number_is_refused(data_dir: Path, arguments: list[str]) -> None:
    done = CliRunner().invoke(app, ["forget", *arguments], input="\n")
    assert done.exit_code == USAGE_ERROR
    assert "Nobody was erased" in done.output or "Say who" in done.output
    assert not data_dir.exists()


def test_people_are_read_from_standard_input_and_a_mistyped_folder_is_not_made(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse = Warehouse()
    with open_batch(warehouse.engine, warehouse.store, BatchKey("sessions")) as batch:
        rows = [{"session_id": "a", "email": EMAIL}, {"session_id": "b", "custom_id": PHONE}, {"session_id": "c"}]
        batch.add(pl.DataFrame(rows, CouponSession.schema_of_frames()), Quarantine.schema_of_frames().to_frame())
        batch.complete(CompletedSlice(SliceKey("v3/x", "p"), 3))
        batch.flush()
        schemas = CouponSession.schema_of_table(), Quarantine.schema_of_table()
        merge(warehouse.engine, batch, MergePlan(*schemas, Origin("account 0123456789abcdef")))
    lines = f"{EMAIL.lower()}\r\n\n\t+32 (0)470 112233 \n"
    wrong = CliRunner().invoke(app, ["forget", "--stdin"], input=f"{lines}\nwho?\n")
    assert (wrong.exit_code, "Line 5 is no phone number" in wrong.output) == (USAGE_ERROR, True)
    done = CliRunner().invoke(app, ["forget", "--stdin"], input=lines)
    assert done.output.startswith("Rows from which somebody was erased: 2 in coupon_sessions.")
    monkeypatch.setenv("COUPONTOOLS_PERSONAL_DATA", "drop")
    refused = CliRunner().invoke(app, ["forget", "--stdin"], input=lines)
    assert (refused.exit_code, refused.output.startswith("Error: Nobody was erased. The folder")) == (1, True)
    monkeypatch.setenv("COUPONTOOLS_DATA_DIR", f"{data_dir}s")
    refused = CliRunner().invoke(app, ["forget", "--stdin"], input=lines)
    assert (refused.exit_code, "holds no export" in refused.output) == (1, True)
    assert not data_dir.with_name("datas").exists()


def test_under_drop_another_key_is_refused_as_under_hash(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in use_policy("drop").items():
        monkeypatch.setenv(name, value)
    serve(planted_account())
    export_only(campaigns)
    for other in ("another secret than that", ""):
        monkeypatch.setenv("COUPONTOOLS_PERSONAL_DATA_KEY", other)
        with pytest.raises(FORESEEN, match="must not mix"):
            export_only(campaigns)

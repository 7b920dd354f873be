"""An API that gives back the keys, and texts that would act where they are shown: what is stored and shown of it."""

import json
import re
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from urllib.parse import unquote

import dagster as dg
import duckdb
import pytest

from assets.published_database import published_database
from pipelines.definitions import build_defs
from resources.printable import make_printable
from tests.resources.coupontools.test_masking import SPELLINGS
from tests.support.fixed_server import replying
from tests.support.table_assets import campaigns, categories, coupon_sessions

CLIENT_ID, SECRET = "0f1e2d3c4b5a6978", 'aB3/dE5+fG"7hJ&9k'
HARM = "\x1b[31mred\x07\r\n\x85\u2028\u202egnp.exe\u2066\u200f\x7f"
PRINTED = re.compile(r"[ -~]{4,}")
"""What may be a part of a key in a file, in whatever spelling."""
ACTS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""A character on which a terminal or a page would act instead of showing it."""

ECHOES = [
    *(spell(key) for key in (CLIENT_ID, SECRET) for spell in SPELLINGS.values()),
    *(b64encode(before + f"{CLIENT_ID}:{SECRET}".encode()).decode() for before in (b"", b"a", b"ab")),
]


def _answers() -> dict[str, str]:
    """An answer for each path: keys in columns, fields without a column, names, errors, and in no JSON at all."""
    named = {f"{number} {echo}": [echo] for number, echo in enumerate(ECHOES)}
    listed = [{"ID": f"cam_{number}{HARM}", "name": f"{HARM}{' '.join(ECHOES)}", **named} for number in range(2)]
    escaped = json.dumps(listed[1]).replace(json.dumps(SECRET)[1:-1], SPELLINGS["in JSON, every character"](SECRET))
    session = {"session": f"s{HARM}", "customid": SECRET, "created_date_utc": f"2026-01-01 {SECRET}", f"new{HARM}": 1}
    failed = {"status": "failed", "errors": {"error_code": 1000, "error_message": f"{HARM} {' '.join(ECHOES)}"}}
    good = {"status": "OK"}
    return {
        "v3/coupon/list": json.dumps({"status": good, "campaigns": listed[:1]})[:-2] + f",{escaped}]}}",
        "v3/coupon/info": f"<pre>{HARM}{' '.join(ECHOES)}</pre>",
        "v3/campaign/data": json.dumps({"status": good, f"data{HARM}": [session]}),
        "v3/campaign/opens": json.dumps({"status": {"status": "failed", "errors": {"error_code": 502}}}),
        "v3/category/list": json.dumps({"status": failed}),
    }


@dataclass(frozen=True)
class Ran:
    """A run and a publish: whatever was shown, and the folders that were written."""

    output: str
    data_dir: Path
    home: Path


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    data_dir, home = tmp_path_factory.mktemp("hostile") / "data", tmp_path_factory.mktemp("home")
    days = {"ops": {"coupon_sessions": {"config": {"start": "2026-01-01", "end": "2026-01-02"}}}}
    answers = replying(_answers(), '{"status": {"status": "OK"}}', headers={"x-echo": SECRET})
    with pytest.MonkeyPatch.context() as patch, answers as url, dg.instance_for_test(temp_dir=str(home)) as instance:
        patch.setenv("COUPONTOOLS_API_URL", url)
        patch.setenv("COUPONTOOLS_CLIENT_ID", CLIENT_ID)
        patch.setenv("COUPONTOOLS_CLIENT_SECRET", SECRET)
        patch.setenv("COUPONTOOLS_DATA_DIR", str(data_dir))
        patch.setenv("COUPONTOOLS_RETRY_WAIT", "0")
        job = build_defs().resolve_implicit_global_asset_job_def()
        runs = [
            job.execute_in_process(
                run_config=config, asset_selection=[*asset.keys], instance=instance, raise_on_error=False
            )
            for asset, config in ((campaigns, {}), (coupon_sessions, days), (categories, {}), (published_database, {}))
        ]
        assert [run.success for run in runs] == [False, True, False, True]
        entries = [json.loads(dg.serialize_value(entry)) for run in runs for entry in instance.all_logs(run.run_id)]
        yield Ran("\n".join(_strings(entries)), data_dir, home)


def test_keys_that_the_api_gives_back_are_stored_and_shown_nowhere(ran: Ran) -> None:
    assert ran.output.count("…") >= len(ECHOES)
    _assert_no_key(ran.output)
    for path in (*ran.data_dir.rglob("*"), *ran.home.rglob("*")):
        if path.is_file():
            _assert_no_key("\n".join(PRINTED.findall(path.read_bytes().decode("latin-1"))))
    values = "\n".join(_values(ran.data_dir))
    assert values.count("…") >= len(ECHOES)
    _assert_no_key(values)


def test_control_characters_of_the_api_are_stored_and_never_shown_raw(ran: Ran) -> None:
    shown = make_printable(HARM)
    for text in (f"data{shown}", f"new{shown}", f"v3/campaign/opens of campaign cam_0{shown} from"):
        assert text in ran.output
    assert not ACTS.search(ran.output)
    for name in ("report.html", "dictionary.md"):
        assert not ACTS.search((ran.data_dir / name).read_text("utf-8"))
    assert f"cam_0{HARM}" in _values(ran.data_dir), "the tables hold what the API sent"


def _strings(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            yield from _strings([*value.keys(), *value.values()])
        case list():
            for item in value:
                yield from _strings(item)


def _values(data_dir: Path) -> Iterator[str]:
    """All values of the database and of the Parquet files."""
    with duckdb.connect(str(data_dir / "coupontools.duckdb"), read_only=True) as connection:
        for (table,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall():
            for row in connection.execute(f'FROM "{table}"').fetchall():
                yield from (cell for cell in row if isinstance(cell, str))
        for path in (data_dir / "parquet").rglob("*.parquet"):
            query = "FROM read_parquet($path, hive_partitioning = false)"
            for row in connection.execute(query, {"path": str(path)}).fetchall():
                yield from (cell for cell in row if isinstance(cell, str))


def _assert_no_key(text: str) -> None:
    plain = re.sub(r"\\+[ux](?:00)?([0-9a-fA-F]{2})", lambda escape: chr(int(escape[1], 16)), text)
    for form in (text, plain, plain.replace("\\", ""), unquote(unquote(text)), unescape(unescape(plain))):
        for key in (CLIENT_ID, SECRET):
            assert key not in form
            assert key.encode().hex() not in form.lower()
        for encoded in ECHOES[-3:]:
            assert encoded[4:-4] not in form

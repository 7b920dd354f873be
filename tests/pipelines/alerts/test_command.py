"""The alerts of the command, as a real web server and a real mail server receive them."""

import json
from pathlib import Path
from unittest.mock import Mock

import click
import duckdb
import pytest

from resources.alerts.receivers import read_receivers
from tests.conftest import Serve
from tests.support.accounts import account
from tests.support.command import Finished, run_command
from tests.support.fixed_server import replying
from tests.support.receivers import PASSWORD, PATH, MailReceiver, WebReceiver
from tests.support.runs import export_only
from tests.support.table_assets import coupon_sessions

SECRET = "hush-hush-hush"
DAYS = ("--from", "2026-01-01", "--to", "2026-01-31")


def failing_export(**environment: str) -> Finished:
    """Export with keys that are refused."""
    finished = run_command("export", *DAYS, COUPONTOOLS_CLIENT_SECRET=SECRET, **environment)
    assert finished.code == 1
    return finished


def test_a_failed_export_is_alerted_of_once_and_once_more_when_the_next_one_is_good(
    serve: Serve, web: WebReceiver, data_dir: Path
) -> None:
    serve(account())
    failing_export()
    (first,) = web.take()
    assert first.startswith("Coupontools export: 1 problem\n")
    for words in (
        "coupon_sessions",
        "2026-01-01 to 2026-01-31",
        "The API refuses the keys",
        "Check COUPONTOOLS_CLIENT_ID and COUPONTOOLS_CLIENT_SECRET.",
        f"Data folder {data_dir} on ",
    ):
        assert words in first
    failing_export()
    assert web.take() == []
    assert run_command("export", *DAYS).code == 0
    (last,) = web.take()
    assert "resolved at" in last
    assert "The API refuses the keys" in last
    assert SECRET not in first + last


def test_a_receiver_that_is_down_fails_no_export_and_is_sent_it_the_next_time(
    serve: Serve, web: WebReceiver, mail: MailReceiver
) -> None:
    serve(account())
    web.status = 503
    both = {"COUPONTOOLS_ALERTS": f"{web.address}\n{mail.address}"}
    failed = failing_export(**both)
    assert "Warning: An alert was not taken by JSON 127.0.0.1 (refused with HTTP 503)" in failed.errors
    assert [text.splitlines()[0] for text in mail.texts] == ["Coupontools export: 1 problem"]
    web.status = 200
    failing_export(**both)
    assert len(mail.texts) == 1, "who has taken a message is not sent it again"
    (text,) = web.take()
    assert "The API refuses the keys" in text
    assert not [secret for secret in (PATH, PASSWORD, SECRET) if secret in failed.output + failed.errors]


def test_a_receiver_that_is_slow_is_sent_it_once(
    serve: Serve, web: WebReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(account())
    monkeypatch.setattr("apprise.URLBase.socket_read_timeout", 0.1)  # it is 4 seconds
    web.seconds = 0.3
    assert failing_export().errors.count("Warning") == 0
    assert len(web.take()) == 1


def test_a_check_that_fails_is_alerted_of_with_its_table_and_what_to_do(
    serve: Serve, web: WebReceiver, data_dir: Path
) -> None:
    serve(account({1: 3}))
    export_only(coupon_sessions, start="2026-01-01", end="2026-01-01")
    with duckdb.connect(str(data_dir / ".state" / "stage.duckdb")) as stage:
        stage.execute("INSERT INTO coupon_sessions FROM coupon_sessions")
    assert run_command("export", "--from", "2026-06-01", "--to", "2026-06-01").code == 1
    (text,) = web.take()
    assert "unique_keys of coupon_sessions (2026-06-01 to 2026-06-01)" in text
    assert "3 keys are in more than one row." in text
    assert "Nothing new is published until it passes" in text


def test_records_over_the_threshold_of_the_quarantine_are_alerted_of(serve: Serve, web: WebReceiver) -> None:
    made = account()
    for number in range(100):
        made.put_record("subaccounts", {"ID": f"sub_{number}", "expiry_date": "jan@example.com"})
    serve(made)
    assert run_command("export", *DAYS).code == 1
    (text,) = web.take()
    assert "100 of 100 records do not fit the table subaccounts, more than 10%" in text
    assert "quarantine" in text
    assert "jan" not in text


def test_what_the_api_says_is_sent_without_keys_and_people(web: WebReceiver) -> None:
    message = f"{SECRET} of jan.peeters@example.com, +32 470 11 22 33 <!channel> @here"
    errors = {"error_code": [999], "error_message": [message]}
    body = json.dumps({"status": {"status": "ERROR", "errors": errors}})
    with replying({}, body) as root:
        finished = run_command(
            "export",
            *DAYS,
            COUPONTOOLS_API_URL=root,
            COUPONTOOLS_CLIENT_ID="somebody-or-other",
            COUPONTOOLS_CLIENT_SECRET=SECRET,
        )
    assert finished.code == 1
    (text,) = web.take()
    assert "error 999: … of …, … (!channel) (at)here" in text


def test_a_variable_that_is_not_set_is_alerted_of_but_no_interruption_and_no_wrong_option(
    web: WebReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run_command("export", *DAYS).code == 1
    (text,) = web.take()
    assert "COUPONTOOLS_API_URL is not set: set it to" in text
    assert run_command("export", "--from", "2026-02-01", "--to", "2026-01-01").code == 2

    def interrupted(*_arguments: object, **_named: object) -> None:
        raise click.Abort

    monkeypatch.setattr("pipelines.export.export_days", interrupted)
    assert run_command("export", *DAYS, COUPONTOOLS_API_URL="sandbox").code == 130
    assert web.take() == []


def test_an_error_that_nobody_has_foreseen_is_sent_as_its_type_alone(
    web: WebReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_arguments: object, **_named: object) -> None:
        raise ValueError("Jan Peeters")

    monkeypatch.setattr("pipelines.export.export_days", broken)
    with pytest.raises(ValueError, match="Jan Peeters"):
        run_command("export", *DAYS, COUPONTOOLS_API_URL="sandbox")
    (text,) = web.take()
    assert "An unexpected error (ValueError)" in text
    assert "Peeters" not in text


def test_where_nothing_can_be_kept_alerts_are_sent_all_the_same(serve: Serve, web: WebReceiver, tmp_path: Path) -> None:
    serve(account())
    (tmp_path / "file").write_text("in the way")
    failed = failing_export(COUPONTOOLS_DATA_DIR=str(tmp_path / "file" / "data"))
    assert "The record of sent alerts cannot be kept in" in failed.errors
    assert len(web.take()) == 1


def test_what_was_sent_is_kept_in_a_private_file_and_sent_again_where_it_is_damaged_or_cannot_be_written(
    serve: Serve, web: WebReceiver, data_dir: Path
) -> None:
    serve(account())
    failing_export()
    ledger = data_dir / ".state" / "alerts.json"
    assert ledger.stat().st_mode & 0o777 == 0o600
    assert len(web.take()) == 1
    ledger.write_bytes(b'{"entries": \xff')
    (data_dir / ".state" / "alerts.json.tmp").mkdir()
    failed = failing_export()
    assert len(web.take()) == 1
    assert f"Warning: The record of sent alerts cannot be kept in {data_dir}/.state" in failed.errors


def test_a_wrong_address_is_refused_in_one_line_that_does_not_show_it(web: WebReceiver) -> None:
    for value, place in (
        (f"bogus://{SECRET}", "an address is not"),
        (f"{web.address} {SECRET}", "(number 2 of 2)"),
        (f"macosx://{SECRET}:99999?", "an address is not"),
        (f"{web.address}{SECRET}\udcff", "should be UTF-8 text"),
    ):
        refused = run_command("export", *DAYS, COUPONTOOLS_API_URL="sandbox", COUPONTOOLS_ALERTS=value)
        assert refused.code == 1
        (line,) = refused.errors.splitlines()
        assert line.startswith("Error: COUPONTOOLS_ALERTS is wrong: ")
        assert place in line
        assert SECRET not in line


def test_the_check_sends_a_test_and_says_which_address_took_it(
    serve: Serve, web: WebReceiver, mail: MailReceiver
) -> None:
    serve(account())
    good = run_command("check", "--alert", COUPONTOOLS_ALERTS=f"{web.address} {web.address} {mail.address}")
    assert good.code == 0, good.output
    for name in ("JSON 127.0.0.1: a test", "JSON 127.0.0.1 (2): a test", "E-Mail 127.0.0.1: a test"):
        assert f"ok      {name}" in good.output
    assert len(web.take()) == 2
    assert len(mail.texts) == 1
    web.status = 401
    bad = run_command("check", "--alert")
    assert bad.code == 1
    assert "FAILED  JSON 127.0.0.1: refused with HTTP 401" in bad.output
    assert not [secret for secret in (PATH, PASSWORD) if secret in good.output + bad.output + bad.errors]
    assert "ok      alerts go to JSON 127.0.0.1\n" in run_command("check").output
    assert web.take() == []
    unset = run_command("check", "--alert", COUPONTOOLS_ALERTS="")
    assert "FAILED  COUPONTOOLS_ALERTS is not set" in unset.output


def test_an_alert_of_a_shared_warehouse_names_its_database_and_no_password(serve: Serve, web: WebReceiver) -> None:
    serve(account())
    shared = {"WAREHOUSE": "postgresql://export:pa55word@127.0.0.1:1/coupons", "STORAGE": "s3://bucket"}
    run_command("check", "--alert", **{f"COUPONTOOLS_{name}": value for name, value in shared.items()})
    (alert,) = web.take()
    assert "Database 127.0.0.1:1/coupons, from " in alert
    assert "pa55word" not in alert


def test_an_error_inside_of_what_sends_fails_no_export_and_shows_no_address(
    web: WebReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_arguments: object, **_named: object) -> None:
        raise ValueError(web.address)

    monkeypatch.setattr("apprise.Apprise.notify", broken)
    monkeypatch.setattr("pipelines.export.export_days", Mock())
    finished = run_command("export", *DAYS, COUPONTOOLS_API_URL="sandbox")
    assert (finished.code, finished.errors) == (0, ""), "there is nothing to send"
    failed = run_command("export", *DAYS)
    assert "Warning: An alert was not taken by JSON 127.0.0.1 (not sent (ValueError))" in failed.errors
    monkeypatch.setattr("pipelines.alerts.command.deliver", broken)
    finished = run_command("export", *DAYS, COUPONTOOLS_API_URL="sandbox")
    assert (finished.code, finished.errors) == (0, "Warning: Alerts cannot be sent: ValueError\n")
    assert PATH not in failed.errors


def test_a_service_whose_address_may_begin_with_a_secret_is_shown_by_its_name_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slack = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/"
    monkeypatch.setenv("COUPONTOOLS_ALERTS", f"{slack} ntfy://{SECRET} notica://hush1")
    assert [receiver.name for receiver in read_receivers()] == ["Slack", "ntfy", "Notica"]

"""The weekly digest, from its schedule to a real receiver."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from pipelines.definitions import defs
from tests.conftest import Serve
from tests.support.accounts import account, session
from tests.support.receivers import WebReceiver
from tests.support.runs import export_only
from tests.support.table_assets import coupon_sessions, directory_registrations

MONDAY = datetime(2026, 3, 2, 6, tzinfo=UTC)
YESTERDAY = datetime.now(UTC).replace(tzinfo=None, hour=12, minute=0, second=0, microsecond=0) - timedelta(days=1)


def evaluated() -> dg.RunRequest | str:
    """What the schedule asks for, or why it asks for nothing."""
    with dg.build_schedule_context(scheduled_execution_time=MONDAY) as context:
        data = defs.get_repository_def().get_schedule_def("weekly_digest").evaluate_tick(context)
    return str(data.skip_message) if data.skip_message else (data.run_requests or [])[0]


def run() -> dg.ExecuteInProcessResult:
    return defs.resolve_job_def("digest").execute_in_process(raise_on_error=False)


def test_it_is_asked_for_by_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    assert evaluated() == "COUPONTOOLS_WEEKLY_DIGEST is not true: no digest is sent."
    monkeypatch.setenv("COUPONTOOLS_WEEKLY_DIGEST", "true")
    request = evaluated()
    assert isinstance(request, dg.RunRequest)
    assert request.run_key == "2026-03-02"


def test_it_sends_the_figures_of_the_report_and_nobodys_data(serve: Serve, web: WebReceiver) -> None:
    made = account()
    user = {"firstname": "Jan", "lastname": "Peeters", "email": "jan@example.com", "phone": "+32470112233"}
    made.set_sessions("cam_1", [session(number, created=YESTERDAY, user=user) for number in range(1_200)])
    serve(made)
    assert run().success
    assert web.take()[0].startswith("Coupontools: no sessions yet\nNo session is published yet.\n")
    export_only(coupon_sessions, directory_registrations, full=True)
    assert run().success
    (text,) = web.take()
    assert text.startswith(f"Coupontools: 30 days to {YESTERDAY.date()}\n")
    assert "created: 1,200 (none before)" in text
    assert "validated: 0 (as before)" in text
    assert not [value for value in ("Jan", "Peeters", "example.com", "3247") if value in text]


def test_a_digest_that_nobody_takes_fails_its_run_in_one_line(web: WebReceiver) -> None:
    web.status = 500
    result = run()
    (failure,) = [event.step_failure_data.user_failure_data for event in result.all_events if event.is_step_failure]
    assert failure
    assert failure.description == (
        "The digest was not taken by JSON 127.0.0.1 (refused with HTTP 500). See coupontools check --alert; to send it "
        "again, run the job digest again."
    )

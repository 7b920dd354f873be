"""The weekly digest: the figures at the head of the report, sent to the receivers of alerts."""

from collections.abc import Iterator

import dagster as dg

from assets.policies import as_dagster_failure
from assets.report.headline import DAYS_COMPARED, Headline, compare_days
from resources.alerts.delivery import describe_failures, describe_place
from resources.alerts.message import Message
from resources.alerts.receivers import read_receivers, send_to_each
from resources.settings import Alerts, SettingsError
from resources.warehouse.warehouse import Warehouse


@dg.op
def send_digest(context: dg.OpExecutionContext, warehouse: dg.ResourceParam[Warehouse]) -> None:
    """Send the figures of what is published; they hold no personal data."""
    with as_dagster_failure(context.retry_number, warehouse):
        receivers = read_receivers()
        if not receivers:
            raise SettingsError("COUPONTOOLS_ALERTS is not set: set it to the addresses that the digest is sent to.")
        message = _compose(_read_headline(warehouse))
    sent = send_to_each((receiver, message) for receiver in receivers)
    failures = {receiver.name: failure for receiver, failure in sent if failure}
    if failures:
        line = f"The digest was not taken by {describe_failures(failures)}."
        if len(failures) == len(receivers):
            raise dg.Failure(f"{line} See coupontools check --alert; to send it again, run the job digest again.")
        context.log.warning(line)


@dg.job(description="Send the figures at the head of the report to the receivers of alerts.")
def digest() -> None:
    """Send the figures at the head of the report."""
    send_digest()


@dg.schedule(
    job=digest,
    cron_schedule="0 6 * * 1",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Sends the figures at the head of the report to the receivers of alerts, if "
    "COUPONTOOLS_WEEKLY_DIGEST is true.",
)
def weekly_digest(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Send the digest on Monday morning, if COUPONTOOLS_WEEKLY_DIGEST is true."""
    try:
        if not Alerts.read().weekly_digest:
            return dg.SkipReason("COUPONTOOLS_WEEKLY_DIGEST is not true: no digest is sent.")
    except SettingsError as error:
        return dg.SkipReason(str(error))
    return dg.RunRequest(run_key=context.scheduled_execution_time.date().isoformat())


def _read_headline(warehouse: Warehouse) -> Headline | None:
    if not warehouse.engine.has_rows():
        return None
    with warehouse.engine.open_published() as connection:
        return compare_days(connection)


def _compose(headline: Headline | None) -> Message:
    title = f"Coupontools: {DAYS_COMPARED} days to {headline.last}" if headline else "Coupontools: no sessions yet"
    return Message(title, "\n".join([*_lines(headline), "", describe_place()]))


def _lines(headline: Headline | None) -> Iterator[str]:
    if headline is None:
        yield "No session is published yet."
        return
    (first, last), (first_before, last_before) = headline.days, headline.days_before
    yield f"{first} to {last}, against {first_before} to {last_before}:"
    yield from (f"{figure.name}: {figure.now:,} ({figure.change})" for figure in headline.figures)

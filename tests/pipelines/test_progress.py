"""What a person sees while an export works."""

import io
import logging

import dagster as dg
from rich.console import Console
from rich.progress import Progress

from assets.ingest.extraction_report import ExtractionReport
from assets.ingest.progress import ProgressLog
from pipelines.progress import ProgressHandler
from resources.coupontools.client import Traffic


def test_the_live_line_shows_how_many_reads_are_finished_until_another_step_logs() -> None:
    bar = Progress(console=Console(file=io.StringIO()))
    bar.add_task("Starting", total=None)
    shown: list[tuple[str, float]] = []

    class Remembering(ProgressHandler):
        def emit(self, record: logging.LogRecord) -> None:
            super().emit(record)
            shown.append((bar.tasks[0].description, bar.tasks[0].completed))

    @dg.logger
    def terminal(_context: dg.InitLoggerContext) -> logging.Logger:
        logger = logging.Logger("test", logging.INFO)
        logger.addHandler(Remembering(bar))
        return logger

    @dg.op
    def read(context: dg.OpExecutionContext) -> None:
        report = ExtractionReport(Traffic(), slices=1_200, resumed=200, finished=50)
        ProgressLog("coupon_sessions", "campaigns", context.log).log(report, at_once=True)
        context.log.info("writing 3 of 4 slices, as a text says")

    @dg.job(logger_defs={"terminal": terminal})
    def job() -> None:
        read()

    assert job.execute_in_process({"loggers": {"terminal": {}}}).success
    finished = {message.split(" slices")[0]: slices for message, slices in shown}
    assert finished["coupon_sessions: 0 of 0 campaigns, 250 of 1,200"] == 250
    assert finished["writing 3 of 4"] == 0
    assert bar.tasks[0].total == 1_200

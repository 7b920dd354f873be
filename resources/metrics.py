"""Metrics for operators: a Prometheus text file, as node_exporter's textfile collector reads it from a folder.

Runs write one after the other, on one host: each adds what it has done to what the file says, so that counters grow and
the series of other tables stay. prometheus_client is imported only where COUPONTOOLS_METRICS_FILE is set.
"""

import logging
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from resources.file_lock import FileLock
from resources.settings import Metrics, SettingsError

if TYPE_CHECKING:
    from prometheus_client.core import Metric as Family

Series = tuple[str, tuple[str, ...]]
"""A metric's name, and the values of its labels."""


@dataclass(frozen=True)
class Metric:
    """A metric: a counter that grows, a gauge that is set, or the newest of moments."""

    name: str
    kind: Literal["counter", "gauge", "newest"]
    help: str
    labels: tuple[str, ...] = ("table",)

    def of(self, value: float, **labels: str) -> "Sample":
        """Make a sample of the metric."""
        return Sample(self, value, tuple(labels[name] for name in self.labels))


@dataclass(frozen=True)
class Sample:
    """A value that a run has measured; of a counter, the amount to add."""

    metric: Metric
    value: float
    labels: tuple[str, ...]
    """The values of the metric's labels."""

    def after(self, former: float | None) -> float:
        """Return the new value of the series, given its former one (None for a new series)."""
        if former is None or self.metric.kind == "gauge":
            return self.value
        if self.metric.kind == "counter":
            return former + self.value
        return former if self.value < former <= time.time() else self.value  # a clock may have been in the future


_OF_STAGE = ("table", "stage")

RUNS = Metric("coupontools_runs_total", "counter", "Reads of a table: merged, failed.", ("table", "outcome"))
RECORDS = Metric("coupontools_records_total", "counter", "Records that the API gave.")
REJECTED = Metric("coupontools_rejected_records_total", "counter", "Records that were put into quarantine.")
ROWS = Metric("coupontools_rows_total", "counter", "Rows of merges: new, touched, deleted.", ("table", "change"))
REQUESTS = Metric("coupontools_requests_total", "counter", "Requests that were sent to the API.")
RETRIES = Metric("coupontools_retries_total", "counter", "Requests that were sent again.")
THROTTLED = Metric("coupontools_throttled_requests_total", "counter", "Answers that asked for fewer requests.")
RECEIVED = Metric("coupontools_received_bytes_total", "counter", "Bytes of the API's answers.")
STAGES = Metric("coupontools_stage_seconds_total", "counter", "Time of a read: reading, merging.", _OF_STAGE)
MERGED_AT = Metric("coupontools_merged_timestamp_seconds", "newest", "When a table was last read and merged.")
READ_UNTIL = Metric(
    "coupontools_read_until_timestamp_seconds", "newest", "Up to when a table was read: time() minus this is its lag."
)
PUBLISHED_AT = Metric("coupontools_published_timestamp_seconds", "newest", "When the last publish has ended.", ())
PUBLISHED_ROWS = Metric("coupontools_published_rows", "gauge", "Rows of a published table, deleted ones too.")
PUBLISH_STAGES = Metric("coupontools_publish_seconds_total", "counter", "Time of publishes, by stage.", ("stage",))
METRICS = {
    metric.name: metric
    for metric in (
        *(RUNS, RECORDS, REJECTED, ROWS, REQUESTS, RETRIES, THROTTLED, RECEIVED, STAGES, MERGED_AT, READ_UNTIL),
        *(PUBLISHED_AT, PUBLISHED_ROWS, PUBLISH_STAGES),
    )
}


def note_metrics(samples: Iterable[Sample], log: logging.Logger) -> None:
    """Write what was measured to COUPONTOOLS_METRICS_FILE, if that is set; what goes wrong is a warning, given once."""
    try:
        if path := Metrics.read().metrics_file:
            _update(path, samples)
    except SettingsError as error:
        _warn_once(str(error), log)
    except OSError as error:
        _warn_once(
            f"The metrics of this run cannot be written to {path} ({error.strerror or error}): make room, or set "
            "COUPONTOOLS_METRICS_FILE to another file.",
            log,
        )


_warnings_given = set[str]()
"""What this process has warned of: each table of a run would say the same."""


def _warn_once(warning: str, log: logging.Logger) -> None:
    if warning not in _warnings_given:
        _warnings_given.add(warning)
        log.warning(warning)


def _update(path: Path, samples: Iterable[Sample]) -> None:
    from prometheus_client import write_to_textfile

    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.parent).hold():  # so that no run loses what another one writes meanwhile
        series = _read(path)
        for sample in samples:
            of = (sample.metric.name, sample.labels)
            series[of] = sample.after(series.get(of))
        _remove_unfinished(path)
        write_to_textfile(str(path), _Collected(series))


class _Collected:
    """The series as prometheus_client collects them."""

    def __init__(self, series: Mapping[Series, float]) -> None:
        self._series = series

    def collect(self) -> Iterator["Family"]:
        """Yield the metrics that have series, in the order of `METRICS`."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        families = {
            name: (CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily)(
                name, metric.help, labels=metric.labels
            )
            for name, metric in METRICS.items()
        }
        for (name, labels), value in sorted(self._series.items()):
            families[name].add_metric(labels, value)
        yield from (family for family in families.values() if family.samples)


def _read(path: Path) -> dict[Series, float]:
    """Read the series of a file, except those that the export does not write itself."""
    from prometheus_client.parser import text_string_to_metric_families

    series: dict[Series, float] = {}
    with suppress(FileNotFoundError, ValueError):  # a broken file is rewritten
        for family in text_string_to_metric_families(path.read_text("utf-8")):
            for sample in family.samples:
                metric = METRICS.get(sample.name)
                if metric and set(metric.labels) == set(sample.labels):
                    series[sample.name, tuple(sample.labels[name] for name in metric.labels)] = sample.value
    return series


def _remove_unfinished(path: Path) -> None:
    """Delete the temporary files of killed processes: `<name>.<process id>.<thread id>`."""
    unfinished = re.compile(rf"{re.escape(path.name)}\.\d+\.\d+")
    for other in path.parent.iterdir():
        if unfinished.fullmatch(other.name):
            other.unlink(missing_ok=True)

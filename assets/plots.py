"""Pictures of the tables, for Dagster's pages."""

from base64 import b64encode
from collections.abc import Mapping
from datetime import date
from io import BytesIO

import dagster as dg


def by_day(rows: Mapping[date, int], title: str) -> dg.MarkdownMetadataValue:
    """Draw rows by day as an inline picture."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter  # takes longer to import than most runs take
    from matplotlib.figure import Figure
    from numpy import array

    figure = Figure(figsize=(8, 2.6), dpi=110, layout="constrained")
    axes = figure.subplots()
    axes.fill_between(array(list(rows), "datetime64[D]"), list(rows.values()), step="mid", color="#4f6df5", alpha=0.85)
    axes.set_title(title, loc="left", fontsize=10)
    axes.set_ylim(bottom=0)
    axes.margins(x=0)
    axes.grid(axis="y", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    locator = AutoDateLocator()
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    picture = BytesIO()
    figure.savefig(picture, format="png")
    return dg.MetadataValue.md(f"![{title}](data:image/png;base64,{b64encode(picture.getvalue()).decode()})")

"""Plots of the tables, for Dagster's pages and the report; matplotlib is imported when the first one is drawn."""

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from io import BytesIO, StringIO
from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, GREEN = "#4f6df5", "#1f9d6b"
INK = "#7a7a7b"
"""Stands for the colour of the text around a plot; drawn where that is not known, it is readable on light and dark."""

_STYLE = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
}

Draw = Callable[["Axes"], None]


def as_picture(draw: Draw, title: str) -> dg.MarkdownMetadataValue:
    """Draw a plot as an inline picture for Dagster's metadata."""
    picture = BytesIO()
    _figure(draw, (8, 2.6)).savefig(picture, format="png", dpi=110)
    return dg.MetadataValue.md(f"![{title}](data:image/png;base64,{b64encode(picture.getvalue()).decode()})")


def as_svg(draw: Draw, size: tuple[float, float] = (8, 2.6)) -> str:
    """Draw a plot as SVG to stand in a page, whose text colour it takes."""
    picture = StringIO()
    _figure(draw, size).savefig(picture, format="svg", transparent=True, metadata={"Date": None})
    drawn = picture.getvalue()
    return drawn[drawn.index("<svg") :].replace(INK, "currentColor")


def _figure(draw: Draw, size: tuple[float, float]) -> "Figure":
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(_STYLE):  # type: ignore[arg-type]
        figure = Figure(figsize=size)
        figure.subplots_adjust(left=0.07, right=0.99, bottom=0.12, top=0.94)  # a layout that measures draws twice
        draw(figure.subplots())
    figure.set_facecolor("none")
    return figure


def by_day(lines: Mapping[str, Mapping[date, int]]) -> Draw:
    """Numbers by day: the first one filled, others as lines over it."""

    def draw(axes: "Axes") -> None:
        from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
        from numpy import array

        (name, first), *others = lines.items()
        axes.fill_between(array(list(first), "datetime64[D]"), list(first.values()), color=BLUE, alpha=0.6, label=name)
        for name, numbers in others:
            axes.plot(array(list(numbers), "datetime64[D]"), list(numbers.values()), color=GREEN, lw=1.2, label=name)
        axes.set_ylim(bottom=0)
        axes.margins(x=0)
        axes.grid(axis="y", color=INK, alpha=0.25)
        if others:
            axes.legend(frameon=False, loc="upper left", ncols=len(lines))
        locator = AutoDateLocator()
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))

    return draw


def bars(numbers: Mapping[str, float]) -> Draw:
    """A number for each of a few names, side by side."""

    def draw(axes: "Axes") -> None:
        drawn = axes.bar(list(numbers), list(numbers.values()), color=BLUE, alpha=0.85, width=0.7)
        axes.bar_label(drawn, [f"{number:,.0f}" for number in numbers.values()], padding=2)
        axes.spines["left"].set_visible(False)
        axes.set_yticks([])

    return draw


def heat_map(numbers: Sequence[Sequence[int]], rows: Sequence[str]) -> Draw:
    """Numbers in a grid of rows with names and numbered columns."""

    def draw(axes: "Axes") -> None:
        from numpy import array

        axes.pcolormesh(array(numbers), cmap="Blues", vmin=0, edgecolors="none")
        axes.set_yticks([place + 0.5 for place in range(len(rows))], rows)
        hours = range(0, len(numbers[0]), 3)
        axes.set_xticks([hour + 0.5 for hour in hours], [str(hour) for hour in hours])
        axes.invert_yaxis()
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)

    return draw

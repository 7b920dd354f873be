"""Draws plots as SVG; the library is imported when the first one is drawn.

Which numbers are drawn is in `assets/report/figures.py`.
"""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from pygal import Config, Graph

BLUE, GREEN = "#4f6df5", "#1f9d6b"
INK = "currentColor"
"""The colour of the text around the plot, light or dark."""

GREY = "#7a7a7b"
"""The colour where there is no text around the plot, readable on light and dark."""

AXIS_HEADROOM = 1.12
"""The height of a plot relative to its highest bar, so that the number above the bar has room."""

MAX_DATES, MIN_MONTHS = 8, 2
"""The most dates written below a plot, and the fewest first days of a month for months to be written, not days."""

NO_AXES = ".axis > path { stroke: none !important; }"


def as_picture(svg: str, title: str) -> dg.MarkdownMetadataValue:
    """Return a plot as inline picture for Dagster's metadata."""
    picture = b64encode(svg.replace(INK, GREY).encode()).decode()
    return dg.MetadataValue.md(f"![{title}](data:image/svg+xml;base64,{picture})")


def bars(numbers: Mapping[str, float]) -> str:
    """Draw a number for each of a few names, side by side."""
    from pygal import Bar

    plot = Bar(_config(), print_values=True, print_values_position="top", show_y_labels=False)
    plot.show_y_guides = False
    plot.range = (0, max(numbers.values(), default=0) * AXIS_HEADROOM or 1)
    plot.x_labels = list(numbers)
    plot.add("", list(numbers.values()), rounded_bars=2)
    return _svg(plot, NO_AXES, ".value { transform: translateY(-5px); }")


def by_day(lines: Mapping[str, Mapping[date, int]]) -> str:
    """Draw numbers by day, at least one: the first line filled, others over it."""
    from pygal import DateLine

    plot = DateLine(_config(opacity=0.45), show_dots=False, show_legend=len(lines) > 1, show_x_guides=False)
    days = sorted({day for numbers in lines.values() for day in numbers})
    firsts = [day for day in days if day.day == 1]
    written = firsts if len(firsts) > MIN_MONTHS else days
    plot.x_labels = written[:: -(-len(written) // MAX_DATES)]
    plot.x_value_formatter = lambda day: f"{day:%b %Y}" if written is firsts else f"{day:%d %b}"
    plot.range = (0, max((number for numbers in lines.values() for number in numbers.values()), default=0) or 1)
    for name, numbers in lines.items():
        plot.add(name, list(numbers.items()), fill=name == next(iter(lines)), stroke_style={"width": 1.5})
    return _svg(plot)


def punch_card(numbers: Sequence[Sequence[int]], rows: Sequence[str]) -> str:
    """Draw numbers as dots in rows with names and numbered columns."""
    from pygal import Dot

    plot = Dot(_config(colours=[BLUE] * len(rows)), show_x_guides=False)
    plot.x_labels = [str(column) for column in range(len(numbers[0]))]
    for name, row in zip(rows, numbers, strict=True):
        plot.add(name, row)
    return _svg(plot, NO_AXES)


def _config(colours: Sequence[str] = (BLUE, GREEN), opacity: float = 0.75) -> "Config":
    from pygal import Config
    from pygal.style import Style

    sizes = dict.fromkeys(("label_font_size", "major_label_font_size", "value_font_size", "legend_font_size"), 13)
    style = Style(
        background="transparent",
        plot_background="transparent",
        foreground=INK,
        foreground_strong=INK,
        foreground_subtle=INK,
        value_colors=(INK,) * len(colours),
        colors=tuple(colours),
        opacity=str(opacity),
        opacity_hover="1",
        guide_stroke_color="#8885",
        major_guide_stroke_color="#8885",
        font_family="system-ui, sans-serif",
        transition="none",
        **sizes,
    )
    return Config(
        style=style,
        js=[],
        width=960,
        height=300,
        explicit_size=True,
        margin=6,
        disable_xml_declaration=True,
        show_legend=False,
        legend_at_bottom=True,
        value_formatter="{:,.0f}".format,
        max_scale=6,
    )


def _svg(plot: "Graph", *rules: str) -> str:
    """Render a plot with further style rules; each names the plot, so that it does not hold for the whole page."""
    plot.add_xml_filter(_without_extras)
    return str(
        plot.render(is_unicode=True, css=[*plot.config.css, *(f"inline:#chart-{plot.uuid} {rule}" for rule in rules)])
    )


def _without_extras(svg: "Element") -> "Element":
    """Drop what pygal adds of its own: scripts, a title, comments."""
    for parent in list(svg.iter()):
        for child in list(parent):
            if child.tag in {"script", "title"} or callable(child.tag):
                parent.remove(child)
    return svg

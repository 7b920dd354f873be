"""Draws plots as SVG; the library is imported when the first one is drawn.

Which numbers are drawn is in `assets/report/figures.py`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from pygal import Config, Graph

BLUE, ORANGE, GREEN = "#4f6df5", "#c9761a", "#1f9d6b"
INK = "currentColor"
"""The colour of the text around the plot, light or dark."""

GREY = "#7a7a7b"
"""The colour where there is no text around the plot, readable on light and dark."""

AXIS_HEADROOM = 1.12
"""The height of a plot relative to its highest bar, so that the number above the bar has room."""

MAX_MONTHS_BY_DAY = 2
"""A plot with more first days of a month than this is labelled by month, any other by day."""

NO_AXES = ".axis > path { stroke: none !important; }"

OF_ONE_PLOT = re.compile(r"#chart-[0-9a-f-]{36} ")
"""Limits a style rule to one plot of a page."""


@dataclass(frozen=True)
class Size:
    """The size of a plot in pixels, its font size, and the most dates written below it."""

    width: int
    height: int
    font_size: int
    max_dates: int
    is_narrow: bool = False
    """Whether numbers are shortened to thousands and millions, and many names are rotated by 90 degrees."""


WIDE = Size(960, 300, font_size=13, max_dates=8)
NARROW = Size(360, 260, font_size=11, max_dates=5, is_narrow=True)
"""The size for a page as wide as a phone."""

MAX_NAMES_ACROSS = 6
"""A narrow plot with more names than this rotates them."""


def bars(numbers: Mapping[str, float], size: Size) -> str:
    """Draw a bar chart with a bar for each of a few names."""
    from pygal import Bar

    plot = Bar(_config(size), print_values=True, print_values_position="top", show_y_labels=False)
    plot.show_y_guides = False
    plot.range = (0, max(numbers.values(), default=0) * AXIS_HEADROOM or 1)
    plot.x_labels = list(numbers)
    if size.is_narrow and len(numbers) > MAX_NAMES_ACROSS:
        plot.x_label_rotation = 90
    plot.add("", list(numbers.values()), rounded_bars=2)
    return _svg(plot, NO_AXES, ".value { transform: translateY(-5px); }")


def by_day(lines: Mapping[str, Mapping[date, float]], size: Size = WIDE) -> str:
    """Draw a line chart by day of at least one number: the first line is filled, the others are drawn over it."""
    from pygal import DateLine

    plot = DateLine(_config(size, opacity=0.45), show_dots=False, show_legend=len(lines) > 1, show_x_guides=False)
    days = sorted({day for numbers in lines.values() for day in numbers})
    firsts = [day for day in days if day.day == 1]
    written = firsts if len(firsts) > MAX_MONTHS_BY_DAY else days
    plot.x_labels = written[:: -(-len(written) // size.max_dates)]
    month = "%b %y" if size.is_narrow else "%b %Y"
    plot.x_value_formatter = lambda day: day.strftime(month if written is firsts else "%d %b")
    plot.range = (0, max((number for numbers in lines.values() for number in numbers.values()), default=0) or 1)
    for name, numbers in lines.items():
        plot.add(name, list(numbers.items()), fill=name == next(iter(lines)))
    return _svg(plot, ".series .line { stroke-width: 2; stroke-opacity: 1; }", ".serie-0 .line { stroke-width: 1; }")


def punch_card(numbers: Sequence[Sequence[int]], rows: Sequence[str], columns: Sequence[str], size: Size) -> str:
    """Draw a punch card: a dot for each number, in named rows and columns; no dot for zero."""
    from pygal import Dot

    plot = Dot(_config(size, colours=[BLUE] * len(rows)), show_x_guides=False)
    if size.is_narrow:
        plot.height = len(rows) * 20
    plot.x_labels = list(columns)
    for name, row in zip(rows, numbers, strict=True):
        plot.add(name, [number or None for number in row])
    return _svg(plot, NO_AXES)


def _config(size: Size, colours: Sequence[str] = (BLUE, ORANGE, GREEN), opacity: float = 0.75) -> "Config":
    from pygal import Config
    from pygal.style import Style

    sizes = dict.fromkeys(
        ("label_font_size", "major_label_font_size", "value_font_size", "legend_font_size"), size.font_size
    )
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
        width=size.width,
        height=size.height,
        explicit_size=True,
        margin=6,
        disable_xml_declaration=True,
        show_legend=False,
        legend_at_bottom=True,
        legend_at_bottom_columns=3,
        truncate_label=-1,
        truncate_legend=-1,
        value_formatter=_shorten if size.is_narrow else "{:,.0f}".format,
        max_scale=6,
    )


def _shorten(number: float) -> str:
    """Write a number in at most six characters: 1,234 or 123k or 1.2M or 12M."""
    if abs(number) >= 10_000_000:
        return f"{number / 1e6:,.0f}M"
    if abs(number) >= 1_000_000:
        return f"{number / 1e6:.1f}M"
    return f"{number / 1e3:.0f}k" if abs(number) >= 10_000 else f"{number:,.0f}"


def _svg(plot: "Graph", *rules: str) -> str:
    """Render a plot with further style rules, each limited to this plot, as a page holds several."""
    plot.add_xml_filter(_without_extras)
    return str(
        plot.render(is_unicode=True, css=[*plot.config.css, *(f"inline:#chart-{plot.uuid} {rule}" for rule in rules)])
    )


def _without_extras(svg: "Element") -> "Element":
    """Drop what pygal adds of its own: scripts, a title, comments, and texts for its scripts."""
    for parent in list(svg.iter()):
        for child in list(parent):
            if child.tag in {"script", "title", "desc"} or callable(child.tag):
                parent.remove(child)
    return svg

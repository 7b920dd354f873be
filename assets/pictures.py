"""Plots as pictures on Dagster's pages."""

from base64 import b64encode

import dagster as dg

from assets.plots import GREY, INK, OF_ONE_PLOT


def as_picture(svg: str, title: str) -> dg.MarkdownMetadataValue:
    """Return a plot as inline picture for Dagster's metadata, which keeps each of them for good."""
    picture = b64encode(OF_ONE_PLOT.sub("", svg).replace(INK, GREY).encode()).decode()
    return dg.MetadataValue.md(f"![{title}](data:image/svg+xml;base64,{picture})")

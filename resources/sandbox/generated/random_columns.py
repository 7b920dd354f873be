"""Reproducible random columns: each value is a pure function of a seed, a name and the row's index."""

import hashlib

import polars as pl

INDEX = pl.col("index")


def draw_bits(seed: int, name: str, index: pl.Expr = INDEX) -> pl.Expr:
    """Return 64 random bits per row (UInt64).

    The same for the same polars version only, as `Expr.hash` promises.
    """
    digest = hashlib.blake2b(f"{seed}/{name}".encode(), digest_size=8).digest()
    return index.hash(int.from_bytes(digest, "little"))


def draw_uniform(seed: int, name: str) -> pl.Expr:
    """Return a number in [0, 1) per row (Float64)."""
    return (draw_bits(seed, name) // 2048).cast(pl.Float64) * 2.0**-53


def draw_event(seed: int, name: str, probability: pl.Expr | float) -> pl.Expr:
    """Return whether an event of this probability happens, per row (Boolean)."""
    return draw_uniform(seed, name) < probability


def draw_delay(seed: int, name: str, mean_seconds: pl.Expr | float) -> pl.Expr:
    """Return an exponentially distributed delay of at least a second, per row (Int64 seconds)."""
    return (-(1 - draw_uniform(seed, name)).log() * mean_seconds).cast(pl.Int64) + 1


def draw_text(seed: int, name: str, texts: tuple[str, ...]) -> pl.Expr:
    """Return one of `texts` per row (String)."""
    return pl.lit(pl.Series(texts)).gather(draw_bits(seed, name) % len(texts))

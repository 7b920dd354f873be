"""Remembers which records of a list were read, for the passes that read it again."""

from collections.abc import Iterable

import polars as pl


class KnownRecords:
    """The hashes of all records that earlier passes have read, sorted."""

    def __init__(self) -> None:
        """Begin with none."""
        self._hashes = pl.Series(dtype=pl.UInt64)

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(len(self._hashes))

    def add(self, hashes: Iterable[pl.Series]) -> None:
        """Add the hashes of the pages of a pass."""
        self._hashes = pl.concat([self._hashes, *hashes]).unique().sort()

    def misses(self, hashes: pl.Series) -> pl.Series:
        """Return a mask of the hashes that are not among them."""
        if not self:
            return pl.repeat(value=True, n=len(hashes), eager=True)
        places = self._hashes.search_sorted(hashes)
        return self._hashes.gather(places.clip(0, len(self._hashes) - 1)) != hashes


def holds_a_gap(new: pl.Series) -> bool:
    """Whether new records are between known ones; those at the ends of a list were added in the meantime."""
    known = (~new).arg_true()
    return bool(new[known[0] : known[-1]].any()) if len(known) else len(new) > 0

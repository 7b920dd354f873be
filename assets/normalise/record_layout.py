"""Learns from the first record of a page the JSON around its values, if all of them are texts."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from assets.normalise.plain_json import ESCAPE
from resources.warehouse.schema import FieldPath

TEXT = rf'(?:[^"\\]|{ESCAPE})*'
"""What is between the quotes of a text."""

SEPARATOR = re.compile(rb'" *: *"')
"""What is between a name and a text."""

_TO_NEXT_NAME = r'(?P<opened>(?:"[^"\\]*" *: *\{ *)*)"(?P<name>[^"\\]*)'
_OPENING = re.compile(rf" *\[ *\{{ *{_TO_NEXT_NAME}")
_BETWEEN = re.compile(rf'{TEXT}(?P<end>" *(?P<closed>(?:\}} *)*), *(?P<begun>\{{ *)?{_TO_NEXT_NAME})')
_CLOSING = re.compile(rf'(?P<last>{TEXT})(?P<end>" *(?P<closed>(?:\}} *)+)\] *)')
_NAME = re.compile(r'"([^"\\]*)"')


class RecordLayout(NamedTuple):
    """The JSON around the values of a page, the same in each of its records."""

    opening: str
    """What is in front of the first separator of the page."""
    paths: Sequence[FieldPath]
    """The places of the values, in their order."""
    groups: Sequence[FieldPath]
    """The places of the objects that hold them."""
    ends: Sequence[str]
    """What follows each value up to the next separator; or, after the only record of a page, up to the end."""

    def count_quotes(self, records: int) -> int:
        """Count the quotes outside the values of a page with that many records."""
        around_values = [2 + end.count('"') for end in self.ends]
        return self.opening.count('"') + records * sum(around_values) - self.ends[-1].count('"') + 1

    def find_last_value(self, part: str) -> str | None:
        """Find the last value of a page in what follows the last separator; None if the page does not end there."""
        match = _CLOSING.fullmatch(part)
        return match["last"] if match and match["closed"].count("}") == len(self.paths[-1]) else None


def learn_layout(parts: Sequence[str]) -> RecordLayout | None:
    """Learn the layout from the beginning of a page, split at its separators.

    None if the first record does not end there, has a name twice, or is not valid JSON.
    """
    opening = _OPENING.fullmatch(parts[0])
    if opening is None:
        return None
    groups = _open_groups((), opening["opened"])
    paths: list[FieldPath] = [(*(groups or [()])[-1], opening["name"])]
    ends: list[str] = []
    for part in parts[1:]:
        match = _BETWEEN.fullmatch(part) or _CLOSING.fullmatch(part)
        if match is None:
            return None
        ends.append(match["end"])
        is_last, depth = match.re is _CLOSING, len(paths[-1]) - match["closed"].count("}")
        is_next = not is_last and match["begun"] is not None
        if depth == 0 and (is_last or (is_next and match.group("opened", "name") == opening.groups())):
            is_once = len({*paths, *groups}) == len(paths) + len(groups)
            return RecordLayout(parts[0], paths, groups, ends) if is_once else None
        if depth <= 0 or is_last or is_next:
            return None
        above = paths[-1][: depth - 1]
        inner = _open_groups(above, match["opened"])
        groups += inner
        paths.append((*(inner or [above])[-1], match["name"]))
    return None


def _open_groups(above: FieldPath, names: str) -> list[FieldPath]:
    """Return the places of objects that are opened inside each other."""
    opened = _NAME.findall(names)
    return [(*above, *opened[: depth + 1]) for depth in range(len(opened))]

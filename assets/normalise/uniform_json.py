"""Parses the JSON of a uniform page into columns of texts: the fastest way, for records that all look like the first.

A page is uniform if its records have the same names in the same order, with texts and nulls alone. Between its values
such a page has the same text in each record. It is split between names and values, and what follows each value is
compared with what followed that of the first record. If all of it is the same, and there are no more quotes than these
texts have, then the page holds these names and values and nothing else. No JSON parser is needed, and other threads are
not blocked. A page that is not uniform is left to `assets/normalise/plain_json.py`.
"""

from collections.abc import Collection, Mapping

import polars as pl

from assets.normalise.page_texts import MAX_UNDECLARED, Extras, Fields, Texts, fields_of, join_extras, record_columns
from assets.normalise.plain_json import list_groups
from assets.normalise.record_layout import SEPARATOR, TEXT, RecordLayout, learn_layout
from assets.tables.table import Table
from resources.warehouse.schema import FieldPath

MAX_BYTES_OF_A_PAGE = 16_000_000
"""The largest page that is read: the parts of a larger one would take much memory at once."""

MAX_FIELDS_OF_A_RECORD = 400
"""The most fields of a record that is read."""

MAX_BYTES_BEFORE_TEXT = 2_000
"""The most bytes of a page before its first text."""

_NULL = "\x7f"
"""Stands for null while a page is split; a page that has this character is not uniform."""


def parse_uniform_page(records: bytes, table: type[Table]) -> Texts | None:
    """Read a JSON array of records; None if they are not uniform, or cannot be read."""
    first = SEPARATOR.search(records, 0, MAX_BYTES_BEFORE_TEXT)
    if first is None or len(records) > MAX_BYTES_OF_A_PAGE or _NULL.encode() in records:
        return None
    separator, has_escapes = first[0].decode(), b"\\" in records
    try:
        # with a second, empty text: of a series of one, polars copies the text at each step
        binary = pl.Series([records, b""], dtype=pl.Binary)
        page = binary.cast(pl.String)
    except pl.exceptions.ComputeError:  # not UTF-8
        return None
    null, text = f"{separator[:-1]}null", pl.col("").str
    if has_nulls := _select(page, text.contains(null, literal=True)).any():
        page = _select(page, text.replace_all(null, f'{separator}{_NULL}"', literal=True))
    if has_escapes and _select(page, text.contains(f"\\{separator}", literal=True)).any():  # a separator in a text
        return None
    parts = _select(page, text.split(separator)).explode().head(-1)
    layout = learn_layout(parts.head(MAX_FIELDS_OF_A_RECORD).to_list())
    values = _split_values(parts, layout) if layout else None
    if layout is None or values is None:
        return None
    escaped = _find_escaped(values) if has_escapes else frozenset()
    nulls = len(records) - int(page.str.len_bytes()[0])  # a mark is a byte shorter
    has_control_characters, quotes = _scan(binary, len(records))
    if has_control_characters or not _are_all_of_page(values, escaped, layout, quotes + 2 * nulls):
        return None
    if has_nulls:
        values = {path: _unmark_nulls(text) for path, text in values.items()}
    return _make_texts(values, layout, escaped, table)


def _select(page: pl.Series, expression: pl.Expr) -> pl.Series:
    """Evaluate an expression of a series, whose name it leaves out.

    polars evaluates two expressions in this thread; a single one it hands to its own threads, and waits for them.
    """
    return page.alias("").to_frame().select_seq(expression, pl.lit(None).alias("beside")).to_series()


def _unmark_nulls(text: pl.Series) -> pl.Series:
    is_null = text == _NULL
    return pl.select(pl.when(~is_null).then(text)).to_series() if is_null.any() else text


def _split_values(parts: pl.Series, layout: RecordLayout) -> dict[FieldPath, pl.Series] | None:
    """Return the values by their place, as they are on the page; None if something else follows one of them."""
    ends, width = layout.ends, len(layout.ends)
    records, rest = divmod(len(parts) - 1, width)
    last = layout.find_last_value(parts[-1])
    if rest or last is None:
        return None
    names = list(map(str, range(width)))
    cells = parts.slice(1).alias("").to_frame()
    cells = cells.select_seq(pl.col("").gather_every(width, place).alias(name) for place, name in enumerate(names))
    last_column = cells.to_series(-1).head(records - 1).append(pl.Series([last + ends[-1]]))
    cells.replace_column(-1, last_column.alias(names[-1]))
    texts = cells.select_seq(pl.col(name).str.strip_suffix(end) for name, end in zip(names, ends, strict=True))
    with_ends, without = (frame.select_seq(pl.all().str.len_bytes().sum()).row(0) for frame in (cells, texts))
    if any(
        long - short != records * len(end.encode()) for long, short, end in zip(with_ends, without, ends, strict=True)
    ):
        return None
    return dict(zip(layout.paths, texts, strict=True))


def _are_all_of_page(
    values: Mapping[FieldPath, pl.Series], escaped: Collection[FieldPath], layout: RecordLayout, quotes: int
) -> bool:
    """Return whether all values are valid JSON texts, and a page with that many quotes holds nothing else."""
    text_alone, quotes_inside = pl.col("").str.contains(f"^{TEXT}$"), pl.col("").str.count_matches('"', literal=True)
    for text in (values[path] for path in escaped):
        columns = text.alias("").to_frame().select_seq(are_texts=text_alone.all(), quotes=quotes_inside.sum())
        are_texts, inside = columns.row(0)
        if not are_texts:
            return False
        quotes -= inside
    return quotes == layout.count_quotes(len(next(iter(values.values()))))


def _scan(page: pl.Series, size: int) -> tuple[bool, int]:
    """Return whether a page, the first of a series, has control characters, and how many quotes it has."""
    numbers = page.bin.reinterpret(dtype=pl.Array(pl.UInt8, size)).head(1).explode()
    return bool((numbers < ord(" ")).any()), int((numbers == ord('"')).sum())


def _find_escaped(values: Mapping[FieldPath, pl.Series]) -> frozenset[FieldPath]:
    """Find the places of which some texts have a backslash."""
    texts = pl.DataFrame([text.alias(str(number)) for number, text in enumerate(values.values())])
    has_backslash = texts.select_seq(pl.all().str.contains("\\", literal=True).any()).row(0)
    return frozenset(path for path, is_escaped in zip(values, has_backslash, strict=True) if is_escaped)


def _make_texts(
    values: Mapping[FieldPath, pl.Series], layout: RecordLayout, escaped: frozenset[FieldPath], table: type[Table]
) -> Texts | None:
    """Make the columns of the values; None if objects are not where the table has them."""
    fields = fields_of(table)
    records = len(next(iter(values.values())))
    filled = {path: text for path, text in values.items() if text.null_count() < records}
    declared, groups = {path for column in record_columns(table) for path in column.paths}, set(list_groups(fields))
    undeclared = {path: text for path, text in values.items() if path not in declared | groups}
    if groups & filled.keys() or not groups.issuperset(layout.groups) or len(undeclared) > MAX_UNDECLARED:
        return None
    nothing = pl.Series([None], dtype=pl.String).new_from_index(0, records)
    columns = []
    for column in record_columns(table):
        places = [path for path in column.paths if path in filled]
        if len(places) > 1:  # one value may hide another
            return None
        text = filled[places[0]] if places else nothing
        columns.append((_read_escapes(text) if escaped.intersection(places) else text).alias(column.name))
    extra = join_extras(_collect_extras(fields, undeclared, ()), records)
    return Texts(pl.DataFrame(columns), extra, extra.is_null() & False, frozenset(map(".".join, undeclared)))


def _read_escapes(text: pl.Series) -> pl.Series:
    """Return texts without the escapes of JSON."""
    return _select(text, pl.concat_str(pl.lit('"'), pl.col(""), pl.lit('"')).str.json_decode(pl.String))


def _collect_extras(fields: Fields, undeclared: Mapping[FieldPath, pl.Series], above: FieldPath) -> Extras:
    """Return the JSON tokens of the undeclared fields, in the order in which they come to `_extra`."""
    extras: Extras = []
    for field, nested in fields.items():
        inside = [text for path, text in undeclared.items() if path[: len(above) + 1] == (*above, field)]
        if nested is not None and inside:
            extras.append((field, join_extras(_collect_extras(nested, undeclared, (*above, field)), len(inside[0]))))
    for path in sorted(path for path in undeclared if path[:-1] == above):
        token = pl.concat_str(pl.lit('"'), undeclared[path], pl.lit('"'))
        extras.append((path[-1], pl.select(pl.coalesce(token, pl.lit("null"))).to_series()))
    return extras

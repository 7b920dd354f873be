"""Personal data on its way to the disk: kept, hashed with a key, or dropped; and people who are forgotten.

All frames of a batch pass here, so that nothing is ever written that must not be.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import polars as pl

from assets.records import IllegibleError, decoded
from assets.tables.table import Table
from resources.coupontools.repeated import told_apart
from resources.settings import PersonalData
from resources.warehouse.forgotten import Forgotten, keyed_hash
from resources.warehouse.identity import identities

WHO = ("email", "phone")
"""The columns that tell who a person is; the same one is hashed to the same text, however it is written."""


@dataclass(frozen=True)
class Veil:
    """What becomes of the personal data of a table."""

    table: type[Table]
    policy: PersonalData
    forgotten: Forgotten

    @classmethod
    def over(cls, table: type[Table], policy: PersonalData, forgotten: Forgotten) -> "Veil | None":
        """The veil for a table; None where everything is kept as it is."""
        if policy.personal_data == "keep" and not forgotten.marks:
            return None
        return cls(table, policy, forgotten)

    def __call__(
        self, rows: pl.DataFrame, rejected: pl.DataFrame, seen: pl.DataFrame | None
    ) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame | None]:
        """What may be written of the rows and rejected records of a page, and of keys."""
        columns = [column.name for column in self.table.columns() if column.personal]
        rows = self._without_forgotten(rows, columns)
        if len(rejected):
            rejected = rejected.filter([not self._is_forgotten(record) for record in rejected["record"]])
        if self.policy.personal_data == "keep":
            return rows, rejected, seen
        key = self.policy.key(self.forgotten.key)
        rows = rows.with_columns(
            *(self._veiled(rows[name], key) for name in columns),
            pl.Series("_extra", [self._veiled_json(text, key) for text in rows["_extra"]], pl.String),
        )
        records = pl.Series("record", [self._veiled_json(text, key) for text in rejected["record"]], pl.String)
        if seen is not None:
            seen = seen.with_columns(self._veiled(seen[name], key) for name in columns if name in seen.columns)
        return rows, rejected.with_columns(records), seen

    def _veiled(self, values: pl.Series, key: bytes) -> pl.Series:
        is_hashed = self.policy.personal_data == "hash" or values.name in self.table.KEY
        if not is_hashed or values.dtype != pl.String:
            return pl.Series(values.name, [None], values.dtype).new_from_index(0, len(values))
        return _mapped(identities(values) if values.name in WHO else values, lambda text: keyed_hash(key, text))

    def _veiled_json(self, text: str | None, key: bytes) -> str | None:
        """JSON with its names and shape, but without its values; a text that is none, hashed or dropped as a whole."""
        if text is None:
            return None

        def veiled(value: Any) -> Any:  # noqa: ANN401  (a JSON value of any type)
            if isinstance(value, dict):
                return {name: veiled(each) for name, each in value.items()}
            if isinstance(value, list):
                return [veiled(each) for each in value]
            is_hashed = self.policy.personal_data == "hash" and value is not None
            return keyed_hash(key, str(value)) if is_hashed else None

        try:
            return msgspec.json.encode(veiled(_decoded(text))).decode()
        except (IllegibleError, UnicodeEncodeError):
            return keyed_hash(key, text) if self.policy.personal_data == "hash" else ""

    def _without_forgotten(self, rows: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
        texts = [name for name in columns if rows[name].dtype == pl.String]
        if not (self.forgotten.marks and len(rows)):
            return rows
        marked = pl.Series([False]).new_from_index(0, len(rows))
        for name in texts:
            marked |= self._marked(identities(rows[name]))
        mentioned = pl.Series(
            [text is not None and self._is_forgotten(text) for text in rows["_extra"]], dtype=pl.Boolean
        )
        rows = rows.with_columns(pl.when(~(marked | mentioned)).then("_extra").alias("_extra"))
        if any(name in self.table.KEY for name in texts):
            return rows.filter(~marked)
        return rows.with_columns(pl.when(~marked).then(pl.col(name)).alias(name) for name in columns)

    def _marked(self, texts: pl.Series) -> pl.Series:
        marks = _mapped(texts, self.forgotten.mark)
        return marks.is_in(list(self.forgotten.marks)).fill_null(value=False)

    def _is_forgotten(self, record: str) -> bool:
        if not self.forgotten.marks:
            return False
        try:
            texts = _texts_in(_decoded(record))
        except (IllegibleError, UnicodeEncodeError):
            texts = record.replace('"', " ").split()
        named = identities(pl.Series(texts, dtype=pl.String)).drop_nulls()
        return any(self.forgotten.mark(each) in self.forgotten.marks for each in named)


def _mapped(texts: pl.Series, function: Callable[[str], str]) -> pl.Series:
    """A column with each of its texts replaced; the library has no keyed hash, so each one is made once."""
    each = texts.drop_nulls().unique()
    if not len(each):
        return texts
    return texts.replace_strict(each, [function(text) for text in each], default=None, return_dtype=pl.String)


def _decoded(text: str) -> Any:  # noqa: ANN401  (a JSON value of any type)
    """JSON as a value that holds also what stands under a name that is there twice. Raises IllegibleError."""
    record = text.encode()
    return decoded(told_apart(record, decoded(record)))


def _texts_in(value: Any) -> list[str]:  # noqa: ANN401  (a JSON value of any type)
    if isinstance(value, dict):
        return [text for each in value.values() for text in _texts_in(each)]
    if isinstance(value, list):
        return [text for each in value for text in _texts_in(each)]
    return [] if value is None else [str(value)]

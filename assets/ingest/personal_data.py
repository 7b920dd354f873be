"""Redacts personal data before it is written: hashes or drops it, and leaves out suppressed people."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec
import polars as pl

from assets.normalise.json_records import IllegibleError, decode_record
from assets.tables.quarantine import Quarantine
from assets.tables.table import Table
from resources.coupontools.repeated_keys import rename_repeated_names
from resources.settings import PersonalData
from resources.warehouse.identity import find_identifiers, normalise_identifiers
from resources.warehouse.suppression import CONTACTS, SuppressionList, keyed_hash, remove_suppressed


@dataclass(frozen=True)
class Redactor:
    """Hashes or drops the personal columns of a table, and takes out the people on the suppression list."""

    table: type[Table]
    policy: PersonalData
    suppressed: SuppressionList

    @classmethod
    def over(cls, table: type[Table], policy: PersonalData, suppressed: SuppressionList) -> "Redactor | None":
        """Make the redactor for a table; None where everything is kept as it is."""
        if policy.personal_data == "keep" and not suppressed.hashes:
            return None
        return cls(table, policy, suppressed)

    def redact(
        self, rows: pl.DataFrame, rejected: pl.DataFrame, keys: pl.DataFrame
    ) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
        """Redact the rows and the rejected records of a page, and key columns."""
        rejected = remove_suppressed(rejected, Quarantine.schema_of_table(), self.suppressed)
        keys = remove_suppressed(keys, self.table.schema_of_table(), self.suppressed)
        if self.policy.personal_data == "keep":
            return self.redact_rows(rows), rejected, keys
        rejected = rejected.with_columns(self._redact_json(rejected["record"]))
        return self.redact_rows(rows), rejected, self._redact_columns(keys)

    def redact_rows(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Redact rows of the table."""
        rows = remove_suppressed(rows, self.table.schema_of_table(), self.suppressed)
        if self.policy.personal_data == "keep":
            return rows
        return self._redact_columns(rows).with_columns(self._redact_json(rows["_extra"]))

    @property
    def _key(self) -> bytes:
        return self.policy.secret or self.suppressed.key

    @property
    def _is_hashed(self) -> bool:
        return self.policy.personal_data == "hash"

    def _redact_columns(self, frame: pl.DataFrame) -> pl.DataFrame:
        personal = [name for name in self.table.schema_of_table().personal if name in frame.columns]
        by_hash = {
            name for name in personal if frame.schema[name] == pl.String and (self._is_hashed or name in self.table.KEY)
        }
        dropped = [pl.lit(None, frame.schema[name]).alias(name) for name in personal if name not in by_hash]
        contacts = _hash_columns(frame.select(by_hash & set(CONTACTS)), self._key, are_contacts=True)
        others = _hash_columns(frame.select(by_hash - set(CONTACTS)), self._key, are_contacts=False)
        redacted = frame.with_columns(*dropped, *contacts, *others, *self._redact_free_texts(frame))
        return redacted.with_columns(self._hash_keys_of_nobody(frame, contacts))

    def _hash_keys_of_nobody(self, frame: pl.DataFrame, contacts: list[pl.Series]) -> list[pl.Expr]:
        """Hash contacts of the key that name nobody by their texts, as a key cannot be null."""
        of_key = [contact for contact in contacts if contact.name in self.table.KEY]
        nobody = frame.select(pl.when(contact.is_null()).then(pl.col(contact.name)) for contact in of_key)
        texts = _hash_columns(nobody, self._key, are_contacts=False)
        return [pl.coalesce(contact, text) for contact, text in zip(of_key, texts, strict=True)]

    def _redact_free_texts(self, frame: pl.DataFrame) -> list[pl.Series]:
        """Redact, in columns that do not describe a person, the texts that name one."""
        columns = [frame[name] for name in self.table.schema_of_table().free_texts if name in frame.columns]
        if not columns:
            return []
        texts = pl.concat([column.rename("text") for column in columns]).unique()
        naming = find_identifiers(texts)["text"].unique()
        hashes = hash_texts(naming, self._key) if self._is_hashed else naming.to_frame("text").with_columns(hash=None)
        redacted = dict(hashes.select("text", "hash").iter_rows())
        return [column.replace(redacted) if redacted else column for column in columns]

    def _redact_json(self, texts: pl.Series) -> pl.Series:
        """Redact JSON texts: keep shape and field names, hash or drop the values, and hash names that name a person.

        A blank text, by which the API says that there is none, is not hashed, so that it does not look like one, and
        neither is a flag, which names nobody.
        A text that is not JSON is hashed or dropped as one value.
        """
        values = {text: _decode_json(text) for text in texts.drop_nulls().unique()}
        names = frozenset(name for value in values.values() for name in _names_in(value))
        inner_texts = (
            {text for value in values.values() for text in _texts_in(value)} if self._is_hashed else set[str]()
        )
        names_of_people, hashes = (
            dict(hash_texts(pl.Series([*texts], dtype=pl.String), self._key).iter_rows())
            for texts in (_find_people(names), inner_texts)
        )
        hashes |= {text: text for text in inner_texts if not text.strip()}

        def redact_value(value: Any) -> Any:  # noqa: ANN401  (a JSON value of any type)
            if isinstance(value, dict):
                return {names_of_people.get(name, name): redact_value(inner) for name, inner in value.items()}
            if isinstance(value, list):
                return [redact_value(item) for item in value]
            if isinstance(value, bool) and self._is_hashed:
                return value
            return hashes.get(str(value)) if value is not None else None

        encoded = {
            text: hashes.get(text, "") if value is text else msgspec.json.encode(redact_value(value)).decode()
            for text, value in values.items()
        }
        return texts.replace_strict(encoded, default=None, return_dtype=pl.String) if encoded else texts


def hash_texts(texts: pl.Series, key: bytes, *, are_contacts: bool = False) -> pl.DataFrame:
    """Hash each `text`: `hash` is the hash of the text, followed by the hashes of the people that it names.

    If the text is nothing but an address or a number, the hash of that comes first, so that it joins with contacts. By
    these hashes `forget` finds people without their texts. A contact that names nobody has none.
    """
    people = find_identifiers(texts).rename({"identifier": "part"})
    distinct = pl.DataFrame({"text": texts}).drop_nulls().unique()
    own_part = normalise_identifiers(distinct["text"]) if are_contacts else distinct["text"]
    own = distinct.select("text", own_part.alias("part")).drop_nulls()
    whole, parts = (people.filter(pl.col("is_whole") == is_whole).select("text", "part") for is_whole in (True, False))
    named = [parts] if are_contacts else [whole, parts]
    others = pl.concat(named).join(own, on=["text", "part"], how="anti").join(own, on="text", how="semi")
    alone = _add_hashes(own.join(others, on="text", how="anti"), key)
    ordered = [own, parts] if are_contacts else [whole, own, parts]
    placed = pl.concat(some.with_columns(place=pl.lit(place)) for place, some in enumerate(ordered))
    several = placed.join(others, on="text", how="semi").sort("place").unique(["text", "part"], keep="first")
    hashed = _add_hashes(several, key).sort("place", "hash")  # a text has the same hashes whatever it is read with
    joined = hashed.group_by("text", maintain_order=True).agg(pl.col("hash").str.join(" "))
    return pl.concat([alone.select("text", "hash"), joined])


def _add_hashes(texts: pl.DataFrame, key: bytes) -> pl.DataFrame:
    return texts.with_columns(pl.Series("hash", [keyed_hash(key, part) for part in texts["part"]], pl.String))


def _hash_columns(frame: pl.DataFrame, key: bytes, *, are_contacts: bool) -> list[pl.Series]:
    """Hash the columns of a frame, all of them at once."""
    if not frame.width:
        return []
    texts = pl.concat([frame[name].rename("text") for name in frame.columns])
    hashes = hash_texts(texts, key, are_contacts=are_contacts)
    of_all = texts.to_frame().join(hashes, on="text", how="left", maintain_order="left")["hash"]
    return [of_all.slice(start * len(frame), len(frame)).alias(name) for start, name in enumerate(frame.columns)]


def printable_names(fields: Iterable[str]) -> frozenset[str]:
    """Return the field names that may be shown; those that hold an address or a number become one placeholder."""
    fields = frozenset(fields)
    people = _find_people(fields)
    return fields - people | ({"(an address or a number)"} if people else set())


@lru_cache(64)  # pages have the same names over and over
def _find_people(names: frozenset[str]) -> frozenset[str]:
    return frozenset(find_identifiers(pl.Series(sorted(names), dtype=pl.String))["text"])


def _decode_json(text: str) -> Any:  # noqa: ANN401  (a JSON value of any type)
    """Decode a JSON text with all values of repeated names; return the text itself if it is not JSON."""
    record = text.encode()
    try:
        value = decode_record(rename_repeated_names(record, decode_record(record)))
        msgspec.json.encode(value)
    except (IllegibleError, UnicodeEncodeError):
        return text
    return value


def _names_in(value: Any) -> Iterator[str]:  # noqa: ANN401  (a JSON value of any type)
    if isinstance(value, dict):
        yield from value
        value = list(value.values())
    for inner in value if isinstance(value, list) else ():
        yield from _names_in(inner)


def _texts_in(value: Any) -> Iterator[str]:  # noqa: ANN401  (a JSON value of any type)
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts_in(inner)
    elif value is not None:
        yield str(value)

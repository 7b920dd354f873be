"""Who is suppressed: people who asked to be forgotten, and the one matcher that finds them, wherever rows are written.

Who they are cannot be read from what is kept of them: hashes, with a key that is made of the secret of the
environment, if there is one, and of a salt.
"""

import hmac
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256

import polars as pl

from resources.warehouse.identity import find_identifiers, normalise_identifiers
from resources.warehouse.schema import TableSchema

FORMAT = 2
"""Version of the list; in version 1 a number without its country had lost its 0."""

CONTACTS = ("email", "phone")
"""Columns that say whose row it is."""

WHO = (*CONTACTS, "custom_id", "inner_custom_id")
"""The same, with columns whose ids may also be numbers that mean something else."""


@dataclass(frozen=True)
class SuppressionList:
    """Hashes of the identifiers of suppressed people, and what they are made with."""

    salt: bytes
    secret: bytes | None = field(default=None, repr=False)
    hashes: frozenset[str] = frozenset()
    format: int = FORMAT

    @property
    def key(self) -> bytes:
        """What identifiers are hashed with."""
        return hmac.digest(self.secret, self.salt, "sha256") if self.secret else self.salt

    @property
    def version(self) -> str:
        """A hash of the list, which differs from that of any other; empty if nobody is suppressed."""
        return sha256("".join(sorted(self.hashes)).encode()).hexdigest()[:16] if self.hashes else ""

    def with_identifiers(self, identifiers: Collection[str]) -> "SuppressionList":
        """Return the list with more identifiers."""
        return replace(self, hashes=self.hashes | {keyed_hash(self.key, identifier) for identifier in identifiers})

    def select_naming(self, texts: pl.Series) -> pl.DataFrame:
        """Find the texts that name a suppressed person, each with `is_whole`: whether it holds nothing else."""
        people = find_identifiers(texts)
        known = [identifier for identifier in people["identifier"].unique() if self._holds(identifier)]
        return people.filter(pl.col("identifier").is_in(known)).group_by("text").agg(pl.col("is_whole").any())

    def _holds(self, identifier: str) -> bool:
        if keyed_hash(self.key, identifier) in self.hashes:
            return True
        return self.format < FORMAT and keyed_hash(self.key, identifier.lstrip("0")) in self.hashes


NOBODY = SuppressionList(b"")
"""Nobody is suppressed."""


def keyed_hash(key: bytes, text: str) -> str:
    """HMAC-SHA-256 of a text, in hexadecimal digits."""
    return hmac.digest(key, text.encode("utf-8", "surrogatepass"), "sha256").hex()


def find_suppressed(frame: pl.DataFrame, table: TableSchema, suppressed: SuppressionList) -> pl.DataFrame | None:
    """Find what belongs to suppressed people in rows of a table; None if nothing does.

    Returns for each row whether it `is_theirs`, and for each column that may name somebody whether its text names
    them; in a row that is theirs, whether a free text names anybody, as that may be they by another address or number.
    """
    columns = [name for name in table.naming_columns if frame.schema.get(name) == pl.String]
    if not (suppressed.hashes and columns and len(frame)):
        return None
    naming = suppressed.select_naming(pl.concat([frame[name].rename("text") for name in columns]))
    if naming.is_empty():
        return None
    texts = naming["text"].to_list()
    named = frame.select(
        _is_theirs(frame, table, columns, naming).fill_null(value=False).alias("is_theirs"),
        *(pl.col(name).is_in(texts).fill_null(value=False) for name in columns),
    )
    free_texts = [name for name in table.free_texts if name in columns]
    anybody = _texts_naming_anybody(frame.filter(named["is_theirs"]).select(free_texts))
    return named.with_columns(
        pl.col(name) | (pl.col("is_theirs") & frame[name].is_in(anybody).fill_null(value=False))
        for name in (free_texts if anybody else ())
    )


def _is_theirs(frame: pl.DataFrame, table: TableSchema, columns: Sequence[str], naming: pl.DataFrame) -> pl.Expr:
    """Say which rows are those of a person whom the texts of `naming` name.

    A row is theirs if a column that identifies its person names them; or if any other personal text is their
    address or number, all of it, and no contact says that it is somebody else's.
    """
    whole, texts = naming.filter("is_whole")["text"].to_list(), naming["text"].to_list()
    who = [pl.col(name).is_in(texts) for name in columns if name in WHO or not table.key]
    others = [pl.col(name).is_in(whole) for name in columns if name not in WHO and name in table.personal]
    by_other = pl.any_horizontal(pl.lit(value=False), *others)
    contacts = frame.select(pl.when(by_other).then(pl.col(name)).alias(name) for name in CONTACTS if name in columns)
    no_contacts = [normalise_identifiers(contact).is_null() for contact in contacts]
    return pl.any_horizontal(pl.lit(value=False), *who) | (
        by_other & pl.all_horizontal(pl.lit(value=True), *no_contacts)
    )


def _texts_naming_anybody(frame: pl.DataFrame) -> list[str]:
    """Return the texts of a frame that name anybody."""
    texts = [column.rename("text") for column in frame]
    return find_identifiers(pl.concat(texts))["text"].unique().to_list() if texts and len(frame) else []


def remove_suppressed(frame: pl.DataFrame, table: TableSchema, suppressed: SuppressionList) -> pl.DataFrame:
    """Remove suppressed people from rows of a table, and their rows from tables about people."""
    named = find_suppressed(frame, table, suppressed)
    if named is None:
        return frame
    theirs = named["is_theirs"]
    personal = [name for name in table.erased_columns if name in frame.columns and name not in table.key]
    masks = {name: theirs | named[name] if name in named.columns else theirs for name in personal}
    masks |= {name: named[name] for name in table.free_texts if name in named.columns}
    frame = frame.with_columns(pl.when(~mask).then(pl.col(name)).alias(name) for name, mask in masks.items())
    return frame.filter(~theirs) if table.is_about_people else frame


def remove_suppressed_from_page(page: str, suppressed: SuppressionList) -> str:
    """Replace the texts between the tags of a page that name suppressed people."""
    texts = re.split('([<>"])', page)
    naming = set(suppressed.select_naming(pl.Series(texts))["text"])
    return "".join("…" if text in naming else text for text in texts) if naming else page

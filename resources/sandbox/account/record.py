"""A record as it is served: a mapping that JSON can express, or JSON text (valid or not)."""

from collections.abc import Iterable, Mapping

import msgspec

Record = Mapping[str, object] | bytes


def decode_record(record: Record) -> Mapping[str, object] | None:
    """Return the record as a mapping, or None if it is not a JSON object."""
    if not isinstance(record, bytes):
        return record
    try:
        return msgspec.json.decode(record, type=dict[str, object])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def read_record_id(record: Record) -> str | None:
    """Return the id of a record in the API; that of an SMS contact is its phone number."""
    fields = decode_record(record) or {}
    name = fields.get("ID", fields.get("id", fields.get("phone")))
    return None if name is None else str(name)


def encode_array(records: Iterable[Record]) -> bytes:
    """Return the records as a compact JSON array; texts stand in it as they are."""
    texts = (record if isinstance(record, bytes) else msgspec.json.encode(record) for record in records)
    return b"[" + b",".join(texts) + b"]"

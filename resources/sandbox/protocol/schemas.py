"""JSON Schemas of answers, for the OpenAPI document."""

from collections.abc import Mapping

Schema = Mapping[str, object]

OK: Schema = {
    "type": "object",
    "required": ["status"],
    "properties": {"status": {"const": "OK"}},
}
MESSAGE: Schema = {"type": "object", "required": ["message"], "properties": {"message": {"type": "string"}}}
STRING: Schema = {"type": "string"}
INTEGER: Schema = {"type": "integer"}
NUMBER_OR_TEXT: Schema = {"type": ["integer", "string"]}


def field_schemas(fields: str, **others: Schema) -> dict[str, Schema]:
    """Return the schemas of fields by name; text unless one says `name:type`."""
    pairs = (field.partition(":") for field in fields.split())
    return {name: {"type": kind or "string"} for name, _, kind in pairs} | others


def object_schema(fields: str, **others: Schema) -> Schema:
    """Return the schema of an object with these fields, all of them optional."""
    return {"type": "object", "properties": field_schemas(fields, **others)}


def array_schema(schema: Schema) -> Schema:
    """Return the schema of an array."""
    return {"type": "array", "items": schema}


def single_schema(schema: Schema) -> Schema:
    """Return the schema of an object that may come as an array of one (`single_as`)."""
    return {"oneOf": [schema, {"type": "array", "items": schema, "minItems": 1, "maxItems": 1}]}


def envelope_schema(payload: Mapping[str, Schema]) -> Schema:
    """Return the schema of a v3 answer: the payload's keys beside `status` (API.md, section 3.1)."""
    return {"type": "object", "required": ["status"], "properties": {"status": OK, **payload}}


def error_schema() -> Schema:
    """Return the schema of an error, in any of its three shapes (section 3.2)."""
    several = {
        "type": "object",
        "required": ["error_code", "error_message"],
        "properties": {
            "error_code": {"type": ["integer", "array"], "items": {"type": "integer"}},
            "error_message": STRING,
            "error_message_description": {"type": "array", "items": STRING},
        },
    }
    status = {
        "type": "object",
        "required": ["status"],
        "properties": {"status": {"const": "failed"}, "errors": several},
    }
    return {"type": "object", "required": ["status"], "properties": {"status": status, "errors": several}}

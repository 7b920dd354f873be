"""Builds the sandbox's OpenAPI 3.1 document from the table of endpoints."""

import inspect
import re
from collections.abc import Iterable, Mapping

import msgspec

from resources.sandbox.assumptions import Assumptions
from resources.sandbox.endpoints.endpoint import Endpoint
from resources.sandbox.protocol.parameters import Parameter
from resources.sandbox.protocol.request import KEY_HEADERS
from resources.sandbox.protocol.schemas import MESSAGE, Schema, envelope_schema, error_schema

JSON, FORM = "application/json", "application/x-www-form-urlencoded"
Node = dict[str, object]


def build_document(endpoints: Iterable[Endpoint], assumptions: Assumptions) -> bytes:
    """Return the document as JSON: every endpoint with its parameters, answers and errors."""
    paths: dict[str, Node] = {}
    for endpoint in endpoints:
        operations = paths.setdefault(f"/{endpoint.path}", {})
        operations[endpoint.method.lower()] = _build_operation(endpoint, assumptions)
    names = {name for pair in KEY_HEADERS.values() for name in pair}
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "Sandbox of the Coupontools API",
                "version": "1",
                "description": "What is known of the API, completed by assumptions. Not an official document.",
            },
            "paths": paths,
            "components": {
                "securitySchemes": {name: {"type": "apiKey", "in": "header", "name": name} for name in sorted(names)}
            },
            "security": [{name: [] for name in pair} for pair in KEY_HEADERS.values()],
        }
    )


def _build_operation(endpoint: Endpoint, assumptions: Assumptions) -> Node:
    summary, _, rest = (inspect.getdoc(endpoint.answer) or "").partition("\n")
    operation: Node = {
        "operationId": f"{endpoint.method.lower()} {endpoint.path}",
        "tags": [re.split(r"[/{]", endpoint.path)[1]],
        "summary": summary,
        "description": rest.strip(),
        "parameters": [_build_parameter(parameter) for parameter in endpoint.parameters if parameter.place != "body"],
        "responses": _build_responses(endpoint, assumptions),
    }
    body = [parameter for parameter in endpoint.parameters if parameter.place == "body"]
    if body:
        kinds = (JSON, FORM) if endpoint.path.startswith("v3/") else (JSON,)
        operation["requestBody"] = {
            "required": any(parameter.required for parameter in body),
            "content": {kind: {"schema": _build_body(body)} for kind in kinds},
        }
    return operation


def _build_parameter(parameter: Parameter) -> Node:
    node: Node = {
        "name": parameter.name,
        "in": parameter.place,
        "required": parameter.required,
        "description": parameter.note,
        "schema": parameter.schema,
    }
    return node | ({"style": "deepObject", "explode": True} if parameter.schema.get("type") == "object" else {})


def _build_body(parameters: Iterable[Parameter]) -> Node:
    declared = list(parameters)
    properties = {parameter.name: {**parameter.schema, "description": parameter.note} for parameter in declared}
    return {
        "type": "object",
        "properties": properties,
        "required": [parameter.name for parameter in declared if parameter.required],
    }


def _build_responses(endpoint: Endpoint, assumptions: Assumptions) -> Node:
    bare = endpoint.bare_schema(assumptions)
    success = envelope_schema(endpoint.payload) if bare is None else bare
    wrong_keys = MESSAGE if endpoint.path.startswith("v4/") else error_schema()
    if assumptions.error_http_status == "always_200" and bare is None:
        return {"200": _build_response("Success or failure", {"anyOf": [success, error_schema()]})}
    # An account that may not call at all is refused in the envelope, by every endpoint.
    refused: Schema = error_schema() if bare is None else {"anyOf": [MESSAGE, error_schema()]}
    responses: Node = {
        "200": _build_response("Success", success),
        "401": _build_response("Wrong keys", wrong_keys),
        "422": _build_response("Error of the API (API.md, section 3.3)", refused),
    }
    names_record = any(parameter.place == "path" or parameter.name == "subaccount" for parameter in endpoint.parameters)
    if bare is not None and names_record:
        responses["404"] = _build_response("Unknown id", MESSAGE)
    return responses


def _build_response(description: str, schema: Schema) -> Mapping[str, object]:
    return {"description": description, "content": {JSON: {"schema": schema}}}

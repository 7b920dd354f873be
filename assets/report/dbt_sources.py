"""Writes the tables and views of the published database as dbt sources, with descriptions, tests and freshness."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from assets.catalogue import TABLES
from assets.freshness import FAIL_AFTER, WARN_AFTER
from assets.relations import Relation, RelationColumn
from assets.tables.table import Table

DATABASE = "coupontools"
"""The name under which dbt's profile attaches the database."""

SOURCES = {"main": "coupontools", "marts": "coupontools_marts"}
"""The name of the source of each schema."""

HEADER = f"""# Sources of dbt, for a profile of dbt-duckdb that attaches coupontools.duckdb:
#     attach: [{{path: /path/to/coupontools.duckdb, alias: {DATABASE}, read_only: true}}]
"""

_MODELS = {table.TABLE: table for table in TABLES}


def dbt_sources(relations: Iterable[Relation]) -> str:
    """Describe tables and views as the YAML of a dbt project's sources, for dbt 1.10 and newer."""
    import yaml

    described = list(relations)
    sources = [
        {
            "name": name,
            "database": DATABASE,
            "schema": schema,
            "loader": "coupontools export",
            "tables": [_relation(relation) for relation in described if relation.schema == schema],
        }
        for schema, name in SOURCES.items()
    ]
    document = {"version": 2, "sources": sources}
    return HEADER + yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)


def _relation(relation: Relation) -> dict[str, Any]:
    table = _MODELS.get(relation.name) if relation.schema == "main" else None
    return {
        "name": relation.name,
        "description": relation.comment,
        **(_freshness() if table and table.SOURCE else {}),
        **({"data_tests": [_unique_together(table)]} if table and len(table.KEY) > 1 else {}),
        "columns": [_column(column, table) for column in relation.columns],
    }


def _freshness() -> dict[str, Any]:
    """Warn and fail after as many hours as Dagster does, by the newest `_extracted_at`."""
    return {
        "config": {
            "loaded_at_field": "_extracted_at",
            "freshness": {
                "warn_after": _hours(WARN_AFTER),
                "error_after": _hours(FAIL_AFTER),
            },
        }
    }


def _hours(window: timedelta) -> dict[str, Any]:
    return {"count": round(window / timedelta(hours=1)), "period": "hour"}


def _unique_together(table: type[Table]) -> Mapping[str, Any]:
    """Test a key of several columns with dbt's test `unique`, on a row of their values."""
    arguments = {"column_name": f"({', '.join(table.KEY)})"}
    return {"unique": {"name": f"unique_{table.TABLE}_key", "arguments": arguments}}


def _column(column: RelationColumn, table: type[Table] | None) -> dict[str, Any]:
    tests = _tests(column.name, table) if table else []
    return {
        "name": column.name,
        "description": column.comment,
        "data_type": column.sql_type,
        **({"data_tests": tests} if tests else {}),
    }


def _tests(column: str, table: type[Table]) -> list[Any]:
    """Test that a key is unique and never null, and, as a warning, that the parents of live rows are there."""
    tests: list[Any] = []
    if (column,) == table.KEY:
        tests.append("unique")
    if column in table.KEY:
        tests.append("not_null")
    source = table.SOURCE
    if source and source.parent and column == source.parent_column:
        parent = {"to": f"source('{SOURCES['main']}', '{source.parent.TABLE}')", "field": column}
        live = {"severity": "warn", "where": "_deleted_at IS NULL"}
        tests.append({"relationships": {"arguments": parent, "config": live}})
    return tests

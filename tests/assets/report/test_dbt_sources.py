"""`coupontools dictionary --format dbt`: sources.yml of a dbt project."""

from typing import Any

import yaml
from click.testing import CliRunner

from assets.catalogue import TABLES
from assets.relations import relations_of_models
from pipelines.cli import app


def relations_by_source() -> dict[str, dict[str, Any]]:
    """What the command prints: the tables of each source by name."""
    printed = CliRunner().invoke(app, ["dictionary", "--format", "dbt"], catch_exceptions=False).output
    document = yaml.safe_load(printed)
    return {
        source["name"]: {table["name"]: table for table in source["tables"]} | {"of": source}
        for source in document["sources"]
    }


def named_tests(table: dict[str, Any], column: str) -> list[Any]:
    """The tests of a column."""
    (entry,) = (described for described in table["columns"] if described["name"] == column)
    return list(entry.get("data_tests", []))


def test_every_table_and_view_is_a_source_with_its_columns_and_descriptions() -> None:
    sources = relations_by_source()
    schemas = {name: (tables["of"]["database"], tables["of"]["schema"]) for name, tables in sources.items()}
    assert schemas == {"coupontools": ("coupontools", "main"), "coupontools_marts": ("coupontools", "marts")}
    expected = {
        (relation.schema, relation.name): [
            (column.name, column.sql_type, column.comment) for column in relation.columns
        ]
        for relation in relations_of_models()
    }
    described = {
        (tables["of"]["schema"], name): [
            (column["name"], column["data_type"], column["description"]) for column in columns
        ]
        for tables in sources.values()
        for name, columns in ((name, table["columns"]) for name, table in tables.items() if name != "of")
    }
    assert described == expected


def test_keys_are_tested_alone_or_together() -> None:
    tables = relations_by_source()["coupontools"]
    for model in TABLES:
        described = tables[model.TABLE]
        for column in model.KEY:
            assert "not_null" in named_tests(described, column)
            assert ("unique" in named_tests(described, column)) == (len(model.KEY) == 1)
        together = [data_test["unique"]["arguments"]["column_name"] for data_test in described.get("data_tests", [])]
        assert together == ([f"({', '.join(model.KEY)})"] if len(model.KEY) > 1 else [])


def test_live_rows_without_a_parent_are_a_warning() -> None:
    tables = relations_by_source()["coupontools"]
    *_, parent = named_tests(tables["coupon_sessions"], "campaign_id")
    assert parent["relationships"] == {
        "arguments": {"to": "source('coupontools', 'campaigns')", "field": "campaign_id"},
        "config": {"severity": "warn", "where": "_deleted_at IS NULL"},
    }


def test_tables_that_are_read_from_the_api_have_a_freshness() -> None:
    tables = relations_by_source()["coupontools"]
    fresh = {name for name, table in tables.items() if name != "of" and "config" in table}
    assert fresh == {table.TABLE for table in TABLES if table.SOURCE}
    assert tables["campaigns"]["config"] == {
        "loaded_at_field": "_extracted_at",
        "freshness": {
            "warn_after": {"count": 25, "period": "hour"},
            "error_after": {"count": 49, "period": "hour"},
        },
    }

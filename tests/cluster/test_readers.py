"""Readers of a lake whose role and policy are those of README."""

import re
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest

psycopg = pytest.importorskip("psycopg", reason="run it with uv run --group cluster pytest tests/cluster")

from resources.warehouse.lake import upkeep
from resources.warehouse.warehouse import Warehouse
from tests.support.small_table import merge, publish, thing

README = Path(__file__).parents[2] / "README.md"
BOTH = "SELECT (SELECT list(id ORDER BY id) FROM main.things), (SELECT list(id ORDER BY id) FROM stage.things)"
"""What is published, and what is staged, as a reader sees it."""


def make_reader(database: str) -> str:
    """Run README's statements for analysts in a database; returns its address for their role."""
    (statements,) = re.findall(r"```sql\n(GRANT CONNECT.*?)```", README.read_text("utf-8"), re.DOTALL)
    role = f"analyst_{uuid4().hex}"
    names = {"DATABASE coupontools": f"DATABASE {database.rpartition('/')[2]}", "ROLE coupontools": "ROLE CURRENT_USER"}
    for name, other in {**names, "analyst": role}.items():
        statements = statements.replace(name, other)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'secret'")
        connection.execute(statements)
    return re.sub(r"//.*@", f"//{role}:secret@", database)


def test_an_analyst_sees_nothing_newer_than_the_publish_not_even_in_the_stage(
    hosts: tuple[Warehouse, Warehouse],
    lake: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    one, _ = hosts
    merge(one, thing("a"))
    publish(one)
    monkeypatch.setenv("COUPONTOOLS_WAREHOUSE", make_reader(lake["COUPONTOOLS_WAREHOUSE"]))
    with closing(Warehouse(tmp_path / "analyst")) as analyst:

        def seen() -> list[tuple[object, ...]]:
            with analyst.engine.open_published() as connection:
                return connection.execute(BOTH).fetchall()

        assert seen() == [(["a"], ["a"])]
        merge(one, thing("b"))
        assert seen() == [(["a"], ["a"])]
        monkeypatch.setattr(upkeep, "MAX_OBJECTS", 0)  # so that objects are written anew after the publish
        publish(one)
        assert seen() == [(["a", "b"], ["a", "b"])]

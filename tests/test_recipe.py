"""CONTRIBUTING's recipe for a readable endpoint, followed step by step."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import duckdb
import pytest

from tests.support.fixed_server import replying

ROOT = Path(__file__).parents[1]
CONTRIBUTING = ROOT / ".github" / "CONTRIBUTING.md"

BLOCK = re.compile(r"^ *```python (\S+)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
LOCATIONS = (
    '{"status": {"status": "OK"}, "locations": [{"ID": "loc_1", "name": "Antwerp"}, {"ID": "loc_2", "city": "Ghent"}]}'
)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A copy of the packages to which the recipe's code is applied."""
    for package in ("pipelines", "assets", "resources"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name, code in BLOCK.findall(CONTRIBUTING.read_text("utf-8")):
        apply(tmp_path / name, dedent(code))
    return tmp_path


def apply(path: Path, code: str) -> None:
    """Make a file, or add the code as further entries to the ENDPOINTS of a file that is there."""
    if not path.exists():
        path.write_text(code, "utf-8")
        return
    text = path.read_text("utf-8")
    head, entries = re.split(r"(?<=^ENDPOINTS: Mapping\[str, Part\] = \{\n)", text, maxsplit=1, flags=re.MULTILINE)
    path.write_text(head + code + entries, "utf-8")


def test_an_endpoint_that_is_added_by_the_recipe_is_exported(repository: Path) -> None:
    assert [name for name, _ in BLOCK.findall(CONTRIBUTING.read_text("utf-8"))] == [
        "resources/coupontools/endpoints.py",
        "assets/tables/locations.py",
    ]
    lists = {"v3/location/list": LOCATIONS, "v4/loyalty/loyalty-cards": "[]"}
    with replying(lists, '{"status": {"status": "OK"}}') as url:
        environment = {
            "COUPONTOOLS_API_URL": url,
            "COUPONTOOLS_CLIENT_ID": "somebody",
            "COUPONTOOLS_CLIENT_SECRET": "something",
            "COUPONTOOLS_DATA_DIR": str(repository / "data"),
            "HOME": str(repository),
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(repository),
        }
        run = subprocess.run(
            [sys.executable, "-c", "from pipelines.process import main; main()", "export", "--full"],
            cwd=repository,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert run.returncode == 0, run.stderr

    with duckdb.connect(str(repository / "data" / "coupontools.duckdb"), read_only=True) as connection:
        rows = connection.execute("SELECT location_id, name, _extra FROM locations ORDER BY ALL").fetchall()
    assert rows == [("loc_1", "Antwerp", None), ("loc_2", None, '{"city":"Ghent"}')]
    assert "## locations" in (repository / "data" / "dictionary.md").read_text("utf-8")

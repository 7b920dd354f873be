"""The files, sections, endpoints and assumptions that documents and code name to each other are there."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from resources.coupontools.endpoints import READABLE
from resources.sandbox.server.assumptions import Assumptions

ROOT = Path(__file__).parents[1]
API = ROOT / "resources" / "coupontools" / "API.md"
DESIGN = ROOT / "resources" / "warehouse" / "DESIGN.md"

CODE = sorted(
    path for folder in ("pipelines", "assets", "resources", "tests") for path in (ROOT / folder).rglob("*.py")
)
CITED = re.compile(r"\bsections? (\d+(?:\.\d+)?(?:(?:,| and| to|, and) \d+(?:\.\d+)?)*)")
NUMBER = re.compile(r"\d+(?:\.\d+)?")
HEADING = re.compile(r"^#{2,3} (\d+(?:\.\d+)?)\.? ", re.MULTILINE)


def cited(text: str) -> Iterator[str]:
    """The numbers of sections that a text cites; of a range its ends."""
    for reference in CITED.findall(" ".join(text.split())):
        yield from NUMBER.findall(reference)


def headings() -> list[str]:
    return HEADING.findall(API.read_text("utf-8"))


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_no_two_sections_of_the_facts_have_one_number() -> None:
    assert len(headings()) == len(set(headings()))


def test_every_section_that_the_code_cites_is_there() -> None:
    there = set(headings())

    lost = {name(path): sorted(set(cited(path.read_text("utf-8"))) - there) for path in CODE}

    assert {path: numbers for path, numbers in lost.items() if numbers} == {}
    assert sum(len(list(cited(path.read_text("utf-8")))) for path in CODE) > 50


def test_every_section_that_the_facts_themselves_cite_is_there() -> None:
    assert set(cited(API.read_text("utf-8"))) <= set(headings())


def test_a_module_that_cites_a_section_names_the_file() -> None:
    texts = {name(path): path.read_text("utf-8") for path in CODE if path != Path(__file__)}

    assert [path for path, text in texts.items() if list(cited(text)) and "API.md" not in text] == []


@pytest.mark.parametrize("endpoint", sorted({endpoint.path for endpoint in READABLE}))
def test_every_endpoint_that_is_read_is_among_the_facts(endpoint: str) -> None:
    assert f"{endpoint.replace('{parent}', '{id}')}`" in API.read_text("utf-8")


@pytest.mark.parametrize("assumption", list(Assumptions.model_fields))
def test_every_assumption_of_the_sandbox_is_among_what_is_open(assumption: str) -> None:
    _, section = API.read_text("utf-8").split("\n## 10. ")

    assert f"`{assumption}`" in section.split("\n## ")[0]


@pytest.mark.parametrize("document", [API, DESIGN, ROOT / "README.md"], ids=name)
def test_every_file_that_a_document_names_is_there(document: Path) -> None:
    text = document.read_text("utf-8")
    links = [document.parent / link for link in re.findall(r"\]\((?!https?:|#)([^)#]+)\)", text)]
    modules = re.findall(r"`([\w/]+\.py)`", text)

    assert [link for link in links if not link.exists()] == []
    assert [module for module in modules if not any(path.as_posix().endswith(f"/{module}") for path in CODE)] == []

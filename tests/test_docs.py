"""The files, sections, endpoints and assumptions that documents and code name to each other are there."""

import ast
import re
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import groupby
from pathlib import Path

import pytest
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from assets.catalogue import TABLES, read_marts
from assets.freshness import FAIL_AFTER, WARN_AFTER
from assets.ingest.ingested import MAX_REJECTED_SHARE, MIN_REJECTED_TO_FAIL
from assets.policies import RETRY_WAITS
from assets.report.headline import DAYS_COMPARED
from assets.stage_checks import MAX_DROP, MAX_ROWS_OF_A_SMALL_DROP
from assets.tables.types import MAX_ID_BYTES
from assets.webhooks.verification import MAX_EVENTS_OF_A_ROUND, SECONDS_OF_A_ROUND
from assets.window import RESUMABLE_FOR
from pipelines.cli import app
from pipelines.definitions import defs
from pipelines.schedules import MAX_DAYS_TO_CATCH_UP
from resources import settings
from resources.coupontools.endpoint_paging import MIN_PAGE_SIZE
from resources.coupontools.endpoints import READABLE
from resources.coupontools.errors import MAX_BYTES_KEPT
from resources.coupontools.masking import MIN_KEY_IN_DATA
from resources.coupontools.nesting import MAX_DEPTH
from resources.metrics import METRICS
from resources.sandbox.assumptions import Assumptions
from resources.warehouse.identity import MAX_DIGITS, MIN_DIGITS
from resources.webhooks.event import MAX_EVENT_BYTES
from resources.webhooks.inbox import MAX_BYTES, MAX_FILES
from resources.webhooks.receiver import MAX_BYTES_WAITING, MAX_EVENTS_WAITING
from resources.webhooks.server import MAX_CONNECTIONS

ROOT = Path(__file__).parents[1]
API = ROOT / "resources" / "coupontools" / "API.md"
DESIGN = ROOT / "resources" / "warehouse" / "DESIGN.md"
README = ROOT / "README.md"
WALK = ROOT / "assets" / "README.md"
CONTRIBUTING = ROOT / ".github" / "CONTRIBUTING.md"

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


@pytest.mark.parametrize("document", [API, DESIGN, README, WALK, CONTRIBUTING], ids=name)
def test_every_file_that_a_document_names_is_there(document: Path) -> None:
    text = document.read_text("utf-8")
    links = [document.parent / link for link in re.findall(r"\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)", text)]
    modules = re.findall(r"`([\w/]+\.py)`", text)

    assert [link for link in links if not link.exists()] == []
    assert [module for module in modules if not any(path.as_posix().endswith(f"/{module}") for path in CODE)] == []


def test_every_module_that_the_code_names_is_there() -> None:
    named = {(name(path), module) for path in CODE for module in re.findall(r"`([\w/]+\.py)`", path.read_text("utf-8"))}
    known = [f"/{name(path)}" for path in CODE]

    assert [(path, module) for path, module in named if not any(one.endswith(f"/{module}") for one in known)] == []
    assert len(named) > 10


def test_the_readmes_tree_has_the_folders_of_the_packages() -> None:
    block = next(block for block in README.read_text("utf-8").split("```") if "\npipelines/ " in block)
    packages = [ROOT / name for name in ("pipelines", "assets", "resources", "tests")]
    drawn: list[str] = []
    package = ""

    for indent, folder in re.findall(r"^( *)(\w+)/", block, re.MULTILINE):
        package = package if indent else folder
        drawn.append(f"{package}/{folder}" if indent else package)

    folders = [
        path for package in packages[:3] for path in package.iterdir() if path.is_dir() and path.name != "__pycache__"
    ]
    assert sorted(drawn) == sorted(name(path) for path in packages + folders)


HOPS = re.findall(r"^(\d+)\. `([\w/]+\.py):([\w.]+)` ", WALK.read_text("utf-8"), re.MULTILINE)
"""Number, file and function of each hop of a row's way."""


def functions(path: Path) -> set[str]:
    """The functions of a module, and the methods of its classes as `Class.method`."""
    names: set[str] = set()
    for node in ast.parse(path.read_text("utf-8")).body:
        owner = f"{node.name}." if isinstance(node, ast.ClassDef) else ""
        members = node.body if isinstance(node, ast.ClassDef) else [node]
        names |= {
            f"{owner}{member.name}" for member in members if isinstance(member, ast.FunctionDef | ast.AsyncFunctionDef)
        }
    return names


def test_the_way_of_a_row_has_at_most_forty_hops_and_returns_to_no_module() -> None:
    files = [file for _, file, _ in HOPS]
    visited = [file for file, _ in groupby(files)]

    assert [int(number) for number, _, _ in HOPS] == list(range(1, len(HOPS) + 1))
    assert 20 < len(HOPS) <= 40
    assert len(visited) == len(set(visited))


@pytest.mark.parametrize(("number", "file", "function"), HOPS)
def test_every_hop_of_a_row_is_a_function_that_code_before_it_names(number: str, file: str, function: str) -> None:
    assert function in functions(ROOT / file)

    before = [ROOT / earlier for _, earlier, _ in HOPS[: int(number)]]
    parts = re.compile(rf"(?<!def )\b{function.split('.')[-1]}\b")
    assert number == "1" or any(parts.search(path.read_text("utf-8")) for path in before)


def table(*header: str) -> list[list[str]]:
    """The rows of README's table with this header, by their cells."""
    _, rest = README.read_text("utf-8").split(f"\n| {' | '.join(header)} |\n")
    rows = rest.split("\n\n")[0].splitlines()[1:]
    return [[cell.strip() for cell in row.split("|")[1:-1]] for row in rows]


def codes(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def variables() -> dict[str, FieldInfo]:
    models = [model for model in vars(settings).values() if isinstance(model, type) and issubclass(model, BaseSettings)]
    return {f"COUPONTOOLS_{name.upper()}": field for model in models for name, field in model.model_fields.items()}


def default(field: FieldInfo) -> str:
    if field.is_required():
        return "must be set"
    value = field.default
    if value is None or value == "":
        return "none"
    return f"`{str(value).lower() if isinstance(value, bool | date) else value}`"


def test_the_table_of_variables_has_every_setting_with_its_default() -> None:
    rows = table("variable", "meaning", "default")

    assert {name.strip("`"): value for name, _, value in rows} == {
        name: default(field) for name, field in variables().items()
    }
    assert all(meaning for _, meaning, _ in rows)


def test_every_variable_that_the_readme_names_is_a_setting() -> None:
    assert set(re.findall(r"\bCOUPONTOOLS_[A-Z_]*[A-Z]\b", README.read_text("utf-8"))) <= set(variables())


def test_the_table_of_commands_has_every_command_with_its_options() -> None:
    rows = table("command", "options", "what it does")

    assert {name.strip("`"): codes(options) for name, options, _ in rows} == {
        name: [option for parameter in command.params for option in parameter.opts if option.startswith("--")]
        for name, command in app.commands.items()
    }
    assert all(meaning for *_, meaning in rows)


def test_every_option_that_the_readme_gives_to_the_command_exists() -> None:
    text = README.read_text("utf-8")
    options = {
        name: {opt for parameter in command.params for opt in parameter.opts} for name, command in app.commands.items()
    }

    for name, rest in re.findall(r"coupontools (\w+)((?: [^\n`]*)?)", text):
        if name in options:
            assert set(re.findall(r"--[a-z-]+", rest.split("  #")[0])) <= options[name], (name, rest)


def test_the_table_of_tables_has_every_table() -> None:
    rows = table("table", "one row per", "read from")

    assert sorted(name for cell, *_ in rows for name in codes(cell)) == sorted(model.TABLE for model in TABLES)
    assert all(meaning for _, meaning, _ in rows)


def test_the_table_of_views_has_every_view() -> None:
    views = [name for script in read_marts() for name in re.findall(r"CREATE VIEW marts\.(\w+)", script)]
    rows = table("view", "one row per")

    assert sorted(name for cell, _ in rows for name in codes(cell)) == sorted(views)
    assert all(meaning for _, meaning in rows)


def test_the_table_of_checks_has_every_check_and_says_whether_it_blocks() -> None:
    graph = defs.resolve_asset_graph()
    rows = table("check", "blocks", "what it finds")

    assert {name: blocks for cell, blocks, _ in rows for name in codes(cell)} == {
        key.name: "yes" if graph.get(key).blocking else "no" for key in graph.asset_check_keys
    }
    assert all(meaning for *_, meaning in rows)


def test_the_tables_of_jobs_and_sensors_have_all_that_runs() -> None:
    repository = defs.get_repository_def()
    jobs = {job.name: set[str]() for job in repository.get_all_jobs() if not job.name.startswith("__")}
    for schedule in repository.schedule_defs:
        jobs[schedule.job_name].add(schedule.name)
    rows = table("job", "what it does", "schedule (switch it on under Automation)")

    assert {name.strip("`"): set(codes(schedules)) for name, _, schedules in rows} == jobs
    sensors = table("sensor (on from the start)", "what it does")
    assert {name.strip("`") for name, _ in sensors} == {sensor.name for sensor in repository.sensor_defs}


def test_the_table_of_metrics_has_every_metric_with_its_labels() -> None:
    rows = table("metric", "labels", "what it is")

    assert {name.strip("`"): tuple(codes(labels)) for name, labels, _ in rows} == {
        metric.name: metric.labels for metric in METRICS.values()
    }
    assert all(meaning for *_, meaning in rows)


HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    "limit",
    [
        f"more than {MAX_REJECTED_SHARE:.0%} of a table's, and at least {MIN_REJECTED_TO_FAIL}, its run fails",
        f"more than {MAX_DROP:.0%} of a table's live rows (and more than {MAX_ROWS_OF_A_SMALL_DROP}) deleted",
        f"more than {MAX_DEPTH} objects or lists inside each other",
        f"an id of more than {MAX_ID_BYTES:,} bytes",
        f"the first {MAX_BYTES_KEPT:,} bytes are kept",
        f"a page of fewer than {MIN_PAGE_SIZE // 2} records for the last",
        f"goes on where it stopped, for {RESUMABLE_FOR // HOUR} hours",
        f"up to {MAX_DAYS_TO_CATCH_UP} days before it that were missed",
        f"nothing has come for {WARN_AFTER // HOUR} hours, and red after {FAIL_AFTER // HOUR}",
        f"which tables are red because nothing has come for {FAIL_AFTER // HOUR} hours",
        f"tried again after {RETRY_WAITS[0]} seconds, and after another {RETRY_WAITS[1]};",
        f"`COUPONTOOLS_PERSONAL_DATA_KEY` ({settings.MIN_KEY} characters or more)",
        f"gives one back ({MIN_KEY_IN_DATA} characters or more",
        f"Numbers have {MIN_DIGITS} to {MAX_DIGITS} digits",
        f"the last {DAYS_COMPARED} days against the {DAYS_COMPARED} before",
        f"at most {MAX_EVENTS_OF_A_ROUND} events in {SECONDS_OF_A_ROUND:.0f} seconds",
        f"one JSON object of up to {MAX_EVENT_BYTES:,} bytes",
        f"{MAX_CONNECTIONS} connections, {MAX_EVENTS_WAITING:,} events and {MAX_BYTES_WAITING // 10**6} MB in memory",
        f"{MAX_FILES:,} files and {MAX_BYTES // 10**9} GB in the inbox",
    ],
)
def test_the_limits_that_the_readme_gives_are_those_of_the_code(limit: str) -> None:
    assert limit in " ".join(README.read_text("utf-8").split())


def texts(path: Path) -> Iterator[str]:
    """The texts in a module, with `…` for what is put into them."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_every_message_that_the_readme_explains_is_one_of_the_code() -> None:
    rows = table("it says", "what to do")
    said = "\n".join(text for path in CODE if not path.is_relative_to(ROOT / "tests") for text in texts(path))
    pieces = [piece.strip(" .") for cell, _ in rows for message in codes(cell) for piece in message.split("…")]

    assert [piece for piece in pieces if piece not in said] == []
    assert sum(bool(piece) for piece in pieces) > 20

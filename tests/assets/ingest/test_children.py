"""Records that belong to parents: the parents are listed now, then each one's records are read."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest

from assets.ingest.children import extract_children
from assets.ingest.extraction_report import ExtractionReport
from assets.tables.directory_campaigns import DirectoryCampaign
from assets.tables.directory_registrations import DirectoryRegistration
from assets.tables.loyalty_users import LoyaltyUser
from assets.tables.sms_contacts import SmsContact
from assets.tables.table import Table
from assets.window import Window
from resources.warehouse.deletions import CompleteParentList
from tests.support.extraction import Answer, Extracted, Extraction, failed, good

GROUPS = [{"ID": "grp_1"}, {"ID": "grp_2"}]


def contacts_of(groups: list[dict[str, str]], **beside: object) -> Answer:
    """A server with these SMS groups, each with one contact named after it."""

    def answer(path: str, parameters: Mapping[str, Any]) -> object:
        if path == "v3/smstool/grouplist":
            return good(group=groups, **beside)
        return good(users=[{"ID": "1", "phone": f"+32{parameters['smsgroup'][-1]}"}])

    return answer


def read(extraction: Extraction, answer: Answer, table: type[Table] = SmsContact, **about: Any) -> Extracted:
    return extraction.run(table, answer, extract_children, **about)


def report_of(extracted: Extracted) -> ExtractionReport:
    assert extracted.report is not None
    return extracted.report


def listed_parents(extracted: Extracted) -> list[tuple[str, ...]]:
    """The complete lists of parents, which are evidence that all others were deleted."""
    reads = [read for read in report_of(extracted).complete_reads if isinstance(read, CompleteParentList)]
    return [tuple(read.values) for read in reads]


def test_the_records_of_every_listed_parent_are_read(extraction: Extraction) -> None:
    extracted = read(extraction, contacts_of(GROUPS))
    assert sorted(extracted.rows.select("sms_group_id", "phone").rows()) == [("grp_1", "+321"), ("grp_2", "+322")]
    assert listed_parents(extracted) == [("grp_1", "grp_2")]


def test_the_records_of_a_parent_with_a_broken_text_are_read(extraction: Extraction) -> None:
    extracted = read(extraction, contacts_of([{"ID": "grp_1", "name": "Sale \ud83d"}, {"ID": "grp_2"}]))
    assert sorted(extracted.rows["sms_group_id"]) == ["grp_1", "grp_2"]
    assert listed_parents(extracted) == [("grp_1", "grp_2")]


def test_of_some_parents_only_theirs_are_read_and_those_that_are_not_listed_are_reported(
    extraction: Extraction,
) -> None:
    extracted = read(extraction, contacts_of(GROUPS), parents=["grp_2", "grp_9"])
    assert extracted.rows["sms_group_id"].to_list() == ["grp_2"]
    assert report_of(extracted).deleted == ["grp_9"]
    assert listed_parents(extracted) == [("grp_1", "grp_2")], "what is known of the others is known all the same"


def test_a_parent_that_is_deleted_while_it_is_read_is_reported(extraction: Extraction) -> None:
    def answer(path: str, parameters: Mapping[str, Any]) -> object:
        return failed(514) if parameters.get("smsgroup") == "grp_1" else contacts_of(GROUPS)(path, parameters)

    extracted = read(extraction, answer)
    assert report_of(extracted).deleted == ["grp_1"]
    assert extracted.rows["sms_group_id"].to_list() == ["grp_2"]


@pytest.mark.parametrize(
    "answer",
    [
        contacts_of([{"ID": "grp_1"}, {"name": "no id"}]),
        contacts_of([{"ID": "grp_1"}], amount_of_groups=2),
        lambda _path, _parameters: failed(103),
    ],
    ids=["a parent without an id", "fewer parents than announced", "no such part"],
)
def test_a_list_of_parents_that_may_lack_some_is_no_evidence_of_deletions(
    extraction: Extraction, answer: Answer
) -> None:
    assert listed_parents(read(extraction, answer)) == []


def test_a_read_of_days_is_no_evidence_of_deletions(extraction: Extraction) -> None:
    def answer(path: str, _parameters: Mapping[str, Any]) -> object:
        return good(directory=[{"ID": "dir_1"}]) if path == "v3/directory/list" else good(users=[])

    window = Window(date(2026, 1, 1), date(2026, 1, 1))
    assert listed_parents(read(extraction, answer, DirectoryRegistration, window=window)) == []
    assert listed_parents(read(extraction, answer, DirectoryRegistration)) == [("dir_1",)]


def users_of_cards(not_found: tuple[str, ...], listed: list[str]) -> Answer:
    """A server of two loyalty cards that answers 404 for some; the second list of cards holds only those `listed`."""
    lists = iter([["1", "2"], listed])

    def answer(path: str, _parameters: Mapping[str, Any]) -> object:
        if path == "v4/loyalty/loyalty-cards":
            return [{"id": card} for card in next(lists)]
        card = path.split("/")[-2]
        return 404 if card in not_found else [{"id": f"user of {card}"}]

    return answer


def test_one_parent_for_which_http_says_not_found_was_deleted_if_it_is_not_listed_either(
    extraction: Extraction,
) -> None:
    report = report_of(read(extraction, users_of_cards(("1",), ["2"]), LoyaltyUser))
    assert (report.deleted, report.unreadable) == (["1"], [])


@pytest.mark.parametrize(("not_found", "listed"), [(("1", "2"), ["2"]), (("2",), ["1", "2"])])
def test_where_http_says_not_found_another_list_shows_which_were_deleted(
    extraction: Extraction, not_found: tuple[str, ...], listed: list[str]
) -> None:
    report = report_of(read(extraction, users_of_cards(not_found, listed), LoyaltyUser))
    assert report.deleted == [card for card in ("1", "2") if card not in listed]
    (message,) = report.unreadable
    assert "The API lists 2 among the loyalty_cards, but answers HTTP 404" in message


def test_a_path_that_nothing_documents_may_be_missing(extraction: Extraction) -> None:
    def answer(path: str, _parameters: Mapping[str, Any]) -> object:
        return good(directory=[{"ID": "dir_1"}]) if path == "v3/directory/list" else 404

    report = report_of(read(extraction, answer, DirectoryCampaign))
    assert "does not have v3/directory/campaigns" in report.not_available[0]
    assert (report.deleted, report.unreadable) == ([], [])
